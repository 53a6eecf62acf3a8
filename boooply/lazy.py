"""Names that are imported on first use (PEP 562): a package starts without what only some of its users need."""

import sys
from importlib import import_module

from boooply.extras import naming_extra

TYPE_CHECKING = False  # what checkers take for typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from collections.abc import Mapping


def publish(package: str, modules: "Mapping[str, tuple[str, ...]]") -> None:
    """Make the names of these modules public in a package, and list in its ``__all__`` those that can be imported.

    ``*`` is a whole module.

    Checkers read the package's ``if TYPE_CHECKING`` instead: one that saw a ``__getattr__`` would accept any name. A
    name whose extra is missing is not an attribute; the error says which extra to install.
    """
    namespace = vars(sys.modules[package])
    module_of = {name: module for module, names in modules.items() for name in names if name != "*"}

    def all_names() -> list[str]:
        for module, names in modules.items():
            if "*" in names:
                module_of.update(dict.fromkeys(import_module(module).__all__, module))
        return sorted(module_of)

    def find(name: str) -> object:
        if name == "__all__":
            return [known for known in all_names() if hasattr(sys.modules[package], known)]  # a star takes all
        if name not in module_of and name not in all_names():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(module_of[name])
        except ModuleNotFoundError as missing:
            problem = naming_extra(missing, f"{package}.{name}")
            if problem is missing:
                raise
            _missing[f"{package}.{name}"] = problem
            if _MissingExtras not in sys.meta_path:
                sys.meta_path.append(_MissingExtras)
            raise AttributeError(str(problem)) from None
        namespace[name] = getattr(module, name)  # found there by the next access
        return namespace[name]

    namespace["__getattr__"] = find
    namespace["__dir__"] = lambda: [*namespace, *all_names()]


_missing: dict[str, ModuleNotFoundError] = {}


class _MissingExtras:
    """The last finder of ``sys.meta_path``, once an extra was missed.

    ``from boooply import Name`` takes a name that is no attribute for a submodule, and asks the finders for it.
    """

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG004 - importlib's signature
        if fullname in _missing:
            raise _missing[fullname].with_traceback(None)
