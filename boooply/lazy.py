"""Names that are imported on first use (PEP 562), so that a package imports only what a program uses."""

import sys
from importlib import import_module

from boooply.extras import naming_extra

TYPE_CHECKING = False  # type checkers treat it as typing.TYPE_CHECKING, which would import typing
if TYPE_CHECKING:
    from collections.abc import Mapping


def publish(package: str, modules: "Mapping[str, tuple[str, ...]]") -> None:
    """Make names of these modules public in a package, and list the importable ones in its ``__all__``.

    ``*`` means the whole ``__all__`` of a module. If the extra that a name needs is not installed, the package has
    no such attribute, and the error says which extra to install.

    Type checkers read the ``if TYPE_CHECKING`` block of the package instead. If they saw a ``__getattr__``, they would
    accept any name.
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
            return [
                known for known in all_names() if hasattr(sys.modules[package], known)
            ]  # a star import reads each of them
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
        namespace[name] = getattr(module, name)  # the next access finds it there
        return namespace[name]

    namespace["__getattr__"] = find
    namespace["__dir__"] = lambda: sorted({*namespace, *all_names()})


_missing: dict[str, ModuleNotFoundError] = {}


class _MissingExtras:
    """The last finder of ``sys.meta_path``, installed when an extra is missing.

    If ``boooply`` has no attribute ``Name``, ``from boooply import Name`` looks for a submodule of that name, and asks
    the finders. This finder raises the error that names the extra.
    """

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG004 - importlib's signature
        if fullname in _missing:
            raise _missing[fullname].with_traceback(None)
