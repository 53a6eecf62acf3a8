"""What to print when a command is mistyped: the mistake, what was probably meant, and where the help is."""

from collections.abc import Iterable
from difflib import get_close_matches

from cyclopts import CycloptsError, MissingArgumentError, UnknownCommandError, UnknownOptionError, UnusedCliTokensError
from rich.text import Text

from boooply.cli.terminal import console, printable, wrapped


def usage_error(error: CycloptsError) -> Text:
    """Return the line that names the mistake, and the one that names the help.

    Names are compared as they are registered: the suggestions of cyclopts import every command, whose extra may be
    missing.
    """
    command = " ".join(("boooply", *(error.command_chain or ())))
    problem = wrapped(f"boooply: {printable(_mistake(error))}", console(stderr=True))
    return Text(f"{problem}\nTry: {command} --help")


def _mistake(error: CycloptsError) -> str:
    commands = list(error.app or ())
    match error:
        case UnknownCommandError(unused_tokens=[word, *_]):
            return _unknown(word, commands)
        case UnknownOptionError():
            options = [name for one in error.argument_collection if one.parse for name in one.names]
            return _unknown(error.token.keyword or error.token.value, [*options, *commands])
        case UnusedCliTokensError(unused_tokens=[word, *_]):
            return f'Unexpected argument "{word}".'
        case MissingArgumentError() if error.argument is not None:
            return f"{error.keyword} needs a value." if error.keyword else f"{error.argument.name} is missing."
        case _:
            return str(error)


def _unknown(word: str, known: Iterable[str]) -> str:
    word = word.partition("=")[0] if word.startswith("-") else word
    kind = "option" if word.startswith("-") else "command"
    closest = get_close_matches(word, [name for name in known if name.startswith("-") == word.startswith("-")], n=1)
    return f'Unknown {kind} "{word}".' + "".join(f' Did you mean "{name}"?' for name in closest)
