"""Iteration over plain and asynchronous iterables."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def iterate(items: Iterable[T] | AsyncIterable[T], /) -> AsyncIterator[T]:
    """Iterate over a plain or asynchronous iterable."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def batched(items: Iterable[T] | AsyncIterable[T], size: int, /) -> AsyncIterator[list[T]]:
    """Yield the items in lists of at most ``size``, as ``itertools.batched`` of Python 3.12 does."""
    batch: list[T] = []
    async for item in iterate(items):
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
