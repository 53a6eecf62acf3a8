"""The base of every request model."""

from boooply.secret import hide_locals


class RequestModel:
    """A model of something that the caller sends, which checks itself when it is made.

    An error of a check leads to no variable of the constructor: the field before a wrong one may be a CV.
    """

    __slots__ = ()

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        generated = hide_locals(cls.__init__)  # by attrs, just now
        setattr(cls, "__init__", generated)  # noqa: B010 - an assignment would declare another signature

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> object:
        from boooply.converter.openapi import core_schema  # noqa: PLC0415 - above this layer; pydantic alone calls it

        return core_schema(cls)
