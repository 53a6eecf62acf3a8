"""The base of every request model."""

from boooply.secret import hide_locals


class RequestModel:
    """A model of something that the caller sends, which checks itself when it is made.

    An error of a check leads to no variable of the constructor: the field before a wrong one may be a CV.
    """

    __slots__ = ()

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        cls.__init__ = hide_locals(cls.__init__)  # type: ignore[method-assign]  # attrs has just generated it
