"""Names that are imported on first use (PEP 562): a package starts without what only some of its users need."""

import sys
from importlib import import_module

TYPE_CHECKING = False  # what checkers take for typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EXTRAS = {"sqlalchemy": "store", "cryptography": "store"}  # what needs which of ours


def names_of(package: str, modules: "Mapping[str, tuple[str, ...]]") -> "Callable[[str], object]":
    """Make the ``__getattr__`` of a package whose public names are in these modules.

    A name whose extra is missing is not an attribute; the error says which extra to install.
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(module_of[name])
        except ModuleNotFoundError as missing:
            extra = _EXTRAS.get((missing.name or "").partition(".")[0])
            if extra is None:
                raise
            needs = f'{package}.{name} needs {missing.name}: python -m pip install "boooply[{extra}]"'
            _missing.explain(f"{package}.{name}", ModuleNotFoundError(needs, name=missing.name))
            raise AttributeError(needs) from None
        value = getattr(module, name)
        setattr(import_module(package), name, value)  # found there by the next access
        return value

    return find


class _MissingExtras:
    """The last finder of ``sys.meta_path``, once an extra was missed.

    ``from boooply import Name`` takes a name that is no attribute for a submodule, and asks the finders for it.
    """

    def __init__(self) -> None:
        self._errors: dict[str, ModuleNotFoundError] = {}

    def explain(self, name: str, error: ModuleNotFoundError) -> None:
        self._errors[name] = error
        if self not in sys.meta_path:
            sys.meta_path.append(self)

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002 - importlib's signature
        if fullname in self._errors:
            raise self._errors[fullname].with_traceback(None)


_missing = _MissingExtras()
