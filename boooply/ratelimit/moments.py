"""Moments in their order, eight bytes each: a governor whose limits are out of reach keeps a window of many calls."""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

_ROOM: Final = 32  # so many may lie there forgotten before their memory is given back


class Moments:
    """Hold moments as they come, and forget the earliest."""

    __slots__ = ("_first", "_moments")

    def __init__(self, moments: Iterable[float] = ()) -> None:
        self._moments = array("d", moments)
        self._first = 0  # where those begin that are not forgotten

    def __len__(self) -> int:
        return len(self._moments) - self._first

    def __iter__(self) -> Iterator[float]:
        return (self._moments[place] for place in range(self._first, len(self._moments)))

    def __reversed__(self) -> Iterator[float]:
        return (self._moments[place] for place in range(len(self._moments) - 1, self._first - 1, -1))

    @property
    def earliest(self) -> float:
        """The first that is not forgotten; there has to be one."""
        return self._moments[self._first]

    def append(self, moment: float) -> None:
        """Add a moment that is not before any other."""
        self._moments.append(moment)

    def forget(self, until: float) -> int:
        """Forget what is not after a moment, and count what is left."""
        moments, first = self._moments, self._first
        while first < len(moments) and moments[first] <= until:
            first += 1
        if first > _ROOM and first > len(moments) // 2:
            del moments[:first]
            first = 0
        self._first = first
        return len(moments) - first
