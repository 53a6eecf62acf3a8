"""The base exception, and the exceptions for invalid settings and arguments."""

from __future__ import annotations

from typing import Any

from boooply.secret import one_line


class BoooplyError(Exception):
    """The base class of all exceptions of this package.

    ``str(error)`` is always one line. To rebuild an error in another process, send its class and ``error.args``, which
    contain only JSON values, and call ``type(error)(*error.args)``.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self._text = one_line(super().__str__())

    def _take_args(self, *args: object) -> None:
        """Replace ``args``, by default the message, with the arguments that rebuild the error."""
        self.args: tuple[Any, ...] = args

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"


class ConfigurationError(BoooplyError, ValueError):
    """A setting is missing or cannot work.

    The message names the setting and says what to pass instead.
    """


class ValidationError(BoooplyError, ValueError):
    """An argument breaks a rule of the API. Nothing was sent.

    Attributes:
        field: The path of the argument, such as ``candidate.email``.
        rule: What is wrong with the value, such as ``is missing``.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self._take_args(field, rule)
        self.field = field
        self.rule = rule
