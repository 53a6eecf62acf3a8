"""Blocking methods, created from async methods, with the same names, signatures and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import suppress
from functools import update_wrapper
from traceback import clear_frames
from types import FunctionType, GenericAlias
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, Unpack, cast, get_args, get_origin, overload

from boooply.blocking.runner import LoopRunner
from boooply.errors import ConfigurationError
from boooply.resources.resource import Resource

A_co = TypeVar("A_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S", bound="SyncProxy[Any]")


class SyncMethod(Protocol[P, R_co]):
    """The type of a blocking method. At run time the method is a function."""

    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> Callable[Concatenate[Any, P], R_co]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None, /) -> Callable[P, R_co]: ...


class SyncProxy(Generic[A_co]):
    """A blocking object: an async object, and the runner of its event loop."""

    def __init__(self, runner: LoopRunner, original: A_co, /) -> None:
        self._runner = runner
        self._original = original

    def __init_subclass__(cls) -> None:
        for name, value in vars(cls).items():
            if isinstance(value, FunctionType):
                value.__module__, value.__qualname__ = cls.__module__, f"{cls.__qualname__}.{name}"

    def __repr__(self) -> str:
        if "_original" not in vars(self):  # the constructor failed
            return super().__repr__()
        return repr(self._original).replace(type(self._original).__name__, type(self).__name__, 1)


def runner_of(proxy: SyncProxy[Any], /) -> LoopRunner:
    """Return the runner of a blocking object."""
    return proxy._runner  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # a function hides it from users


def original_of(proxy: SyncProxy[T], /) -> T:
    """Return the async object under a blocking one."""
    return proxy._original  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # as above


def over(kind: type[S], runner: LoopRunner, original: object, /) -> S:
    """Return a proxy, without calling the constructor of its class."""
    proxy = kind.__new__(kind)
    proxy._runner, proxy._original = runner, original  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # as SyncProxy.__init__ does
    return proxy


def resource(kind: type[S], /) -> Resource[S]:
    """Return the blocking resource over the async resource of the same name."""
    return Resource(kind, lambda proxy, name: kind(runner_of(proxy), getattr(original_of(proxy), name)))


def sync(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], /) -> SyncMethod[P, R]:
    """Return the blocking method for a coroutine method."""

    def call(self: SyncProxy[Any], /, *args: Any, **kwargs: Any) -> R:
        function = _bound(method, original_of(self), args, kwargs)
        del args, kwargs  # the traceback of an error must not contain a key
        try:
            return runner_of(self).run(function)
        except TypeError as error:
            clear_frames(error.__traceback__)  # their frames contain the arguments, which may be keys
            _name_the_blocking_class(error, method, self)
            raise

    return cast("SyncMethod[P, R]", _like(method, call))


def iterating(method: Callable[Concatenate[Any, P], AsyncIterator[R]], /) -> SyncMethod[P, Iterator[R]]:
    """Return the blocking method for an async generator method. Each item is fetched when it is needed."""

    def call(self: SyncProxy[Any], /, *args: Any, **kwargs: Any) -> Iterator[R]:
        try:
            source = method(original_of(self), *args, **kwargs)
        except TypeError as error:
            _name_the_blocking_class(error, method, self)
            raise
        return iterate(runner_of(self), cast("AsyncGenerator[R]", source))

    return cast("SyncMethod[P, Iterator[R]]", _like(method, call))


def iterate(runner: LoopRunner, source: AsyncGenerator[R], /) -> Generator[R]:
    """Iterate over an async generator, and close it at the end."""
    end: Any = object()
    try:
        while (item := runner.run(lambda: anext(source, end))) is not end:
            yield item
    finally:
        with suppress(
            ConfigurationError, RuntimeError
        ):  # the loop closes it when it ends; the loop's own thread cannot call it
            runner.run(source.aclose)


def _bound(
    method: Callable[..., Awaitable[R]], original: object, args: Iterable[Any], kwargs: dict[str, Any]
) -> Callable[[], Awaitable[R]]:
    return lambda: method(original, *args, **kwargs)  # not a partial, whose repr shows the arguments


def _name_the_blocking_class(error: TypeError, method: Callable[..., Any], proxy: SyncProxy[Any]) -> None:
    """Name the blocking class in the error that Python raises for wrong arguments. Other errors stay unchanged."""
    text, called = str(error), f"{method.__qualname__}()"
    if text.startswith(called):
        error.args = (f"{type(proxy).__name__}.{method.__name__}(){text.removeprefix(called)}",)


def _like(method: Callable[..., Any], call: Callable[..., Any]) -> Callable[..., Any]:
    update_wrapper(call, method)
    del vars(call)["__wrapped__"]  # it refers to the coroutine function
    signature = inspect.signature(method)
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]  # read by inspect and help()
        parameters=[one for parameter in signature.parameters.values() for one in _written_out(parameter)],
        return_annotation=_blocking(signature.return_annotation),
    )
    return call


def _written_out(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """Replace ``**filters: Unpack[…]`` with its keywords."""
    if get_origin(parameter.annotation) is not Unpack:
        yield parameter
        return
    keywords = get_args(parameter.annotation)[0]
    for name, annotation in inspect.get_annotations(keywords, eval_str=True).items():
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=..., annotation=annotation)


def _blocking(annotation: Any) -> Any:
    return GenericAlias(Iterator, get_args(annotation)) if get_origin(annotation) is AsyncIterator else annotation
