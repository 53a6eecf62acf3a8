"""The errors from which all others derive, and those of what a caller passes."""

from __future__ import annotations

from typing import Any

from boooply.secret import one_line


class BoooplyError(Exception):
    """The base class of everything this package raises.

    Its text is one line, whatever it quotes. ``type(error)(*error.args)`` makes the same error again, from arguments
    that JSON can contain.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self._text = one_line(super().__str__())

    def _take_args(self, *args: object) -> None:
        """Replace ``args``, the text of an exception by default, by the arguments that make the same error again."""
        self.args: tuple[Any, ...] = args

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"


class ConfigurationError(BoooplyError, ValueError):
    """A setting cannot work; the message says what to pass instead."""


class ValidationError(BoooplyError, ValueError):
    """An argument breaks a rule of the API; nothing was sent.

    Attributes:
        field: Its name, as the argument is spelled.
        rule: What the value must be.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self._take_args(field, rule)
        self.field = field
        self.rule = rule
