"""Names that are imported on first use (PEP 562): a package starts without what only some of its users need."""

from importlib import import_module

TYPE_CHECKING = False  # what checkers take for typing.TYPE_CHECKING, without the 8 ms that importing typing costs
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EXTRAS = {"sqlalchemy": "store", "cryptography": "store"}  # what needs which of ours


def names_of(package: str, rooms: "Mapping[str, tuple[str, ...]]") -> "Callable[[str], object]":
    """Make the ``__getattr__`` of a package whose public names stand in these rooms."""
    where = {name: room for room, names in rooms.items() for name in names}

    def find(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            room = import_module(where[name])
        except ModuleNotFoundError as missing:
            extra = _EXTRAS.get((missing.name or "").partition(".")[0])
            if extra is None:
                raise
            told = f'{package}.{name} needs {missing.name}: python -m pip install "boooply[{extra}]"'
            raise ModuleNotFoundError(told, name=missing.name) from None
        value = getattr(room, name)
        setattr(import_module(package), name, value)  # so that the next look does not come here
        return value

    return find
