"""The governor: whether one more call may start now, and if not, when to ask again.

It is told the time and never takes it. Two things are known of the API's allowance:

- our own **log**. A call counts from its start until a window after its answer, since it reached the API somewhere in
  between. Keeping that count under the limit is safe under fixed and sliding windows alike, whatever the clocks say.
- the API's **word**: what remains, and when the window ends. It is better than the log (a fixed window that has ended
  frees all of it at once), and worse news where somebody else uses the same key.

Where the word has run out and the log is full, a single call goes ahead and brings the next word.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from math import ceil, inf
from typing import Any, Final, Literal, Self

import attrs

from boooply.errors import ConfigurationError
from boooply.protocol.messages import RateLimitClass
from boooply.ratelimit.headers import RateLimitHeaders, clock_ahead
from boooply.ratelimit.moments import Moments
from boooply.ratelimit.status import HasLimits, RateLimitStatus

_LONGEST_WAIT: Final = 3600.0  # seconds; what names a longer one is taken for garbage
_ROUNDING: Final = 1.0  # seconds by which the API may round the end of a window up


def _positive(instance: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:  # noqa: ARG001 - attrs' signature
    if isinstance(value, bool) or not value > 0 or (attribute.type is int and not isinstance(value, int)):
        raise ConfigurationError(f"rate limits: {attribute.name} has to be above zero")


@attrs.frozen(kw_only=True)
class RateLimits:
    """Say what the API allows each key: calls of each kind in a window of ``window`` seconds (contract section 2).

    The API's own word goes before these numbers. ``scope="pool"`` counts all keys of a pool together, for an API that
    counts by address. ``shared`` is an open ``AsyncStore``: all processes on it that hold the key share one allowance.
    """

    reads: int = attrs.field(default=100, validator=_positive)
    writes: int = attrs.field(default=10, validator=_positive)
    ai: int = attrs.field(default=5, validator=_positive)
    window: float = attrs.field(default=60.0, validator=_positive)
    scope: Literal["key", "pool"] = "key"
    shared: HasLimits | None = attrs.field(default=None, eq=False, repr=False)

    def allowance(self, limit: RateLimitClass) -> int:
        """Give the number of one kind."""
        return {RateLimitClass.READS: self.reads, RateLimitClass.WRITES: self.writes, RateLimitClass.AI: self.ai}[limit]

    limit_of = allowance


@attrs.define
class _Word:
    """What the API said last of one window: ``ends`` is by our own clock."""

    window: float | None
    ends: float
    remaining: int
    alone: bool
    unheard: list[float] = attrs.Factory(list[float])  # when calls ended that it may not have counted
    holds: bool = True  # whether its end frees a place still: the log may have given that place away before

    def left(self, in_flight: int) -> int:
        return self.remaining - len(self.unheard) - in_flight


# What a governor knows, beside its limit and window; and how what JSON has no form for is read.
_KNOWN: Final = frozenset(
    {"_starts", "_probe", "_log", "_word", "_word_ran_out", "_blocked_until", "_after_refusal", "_ahead"}
)
_RICH: Final[dict[str, Callable[[Any], Any]]] = {
    "_log": Moments,
    "_word": lambda written: None if written is None else _Word(**written),
}


def _plain(value: Any) -> Any:
    if isinstance(value, _Word):
        return attrs.asdict(value)
    return list(value) if isinstance(value, Moments) else value


class RateLimiter:
    """Decide for one key and one kind of call; times are seconds of any steady clock."""

    def __init__(self, limit: int, window: float) -> None:
        self.limit: int = limit
        self.window: float = window
        self._starts: list[float] = []  # of the calls that are under way
        self._probe: float | None = None  # the start of the one that went ahead once the word had run out
        self._log = Moments()
        self._word: _Word | None = None
        self._word_ran_out = False
        self._blocked_until = -inf
        self._after_refusal = False
        self._ahead: float | None = None  # of the API's clock before ours, in seconds, at least

    @property
    def is_awaited(self) -> bool:
        """Tell whether an answer is on its way, which may bring news."""
        return bool(self._starts)

    @property
    def _in_flight(self) -> int:
        return len(self._starts)

    def budget(self, now: float) -> int:
        """Count the calls that may start now."""
        in_flight = len(self._starts)
        by_log = self.limit - in_flight - self._log.forget(now)
        word = self._word
        if word is not None and word.ends <= now:
            self._word_ran_out = word.holds and word.left(in_flight) >= 0
            self._word = word = None
        if now < self._blocked_until:
            return 0
        if self._after_refusal:
            return 0 if in_flight else 1
        if word is not None:
            by_word = word.left(in_flight)
            return max(by_log, by_word) if word.alone else by_word
        if by_log <= 0 and self._word_ran_out and not in_flight:
            return 1
        return by_log

    def delay(self, now: float) -> float:
        """Say in how many seconds to ask again: 0 to go now, infinite where only an answer under way can tell."""
        if self.budget(now) > 0:
            return 0.0
        if now < self._blocked_until:
            return self._blocked_until - now
        moments = [self._word.ends] if self._word is not None else []
        if self._log and (self._word is None or self._word.alone) and not self._after_refusal:
            moments.append(self._log.earliest)
        return max(0.0, min(moments) - now) if moments else inf

    def start(self, now: float) -> None:
        """Note that a call goes out, for which there is budget at this moment."""
        if self._word is None:
            self._probe = now if self._word_ran_out else None
            self._word_ran_out = False  # this one goes ahead, or goes by the log
        elif self._word.left(self._in_flight) <= 0:
            self._word.holds = False
        self._starts.append(now)

    def release(self, started: float) -> None:
        """Note that a call which started then did not reach the API after all."""
        self._end(started)
        if started == self._probe and self._word is None:
            self._word_ran_out = True  # another one may go ahead

    def finish(self, now: float, told: RateLimitHeaders | None, *, started: float, refused: bool = False) -> None:
        """Note that a call which started then has ended: with an answer that told something, or without one."""
        self._end(started)
        if refused:
            self._refuse(now, told or RateLimitHeaders())
            return
        self._log.append(now + self.window)
        if told is not None:
            self._after_refusal = False
        self._hear(now, told or RateLimitHeaders(), started)

    def wait(self, now: float, ahead: int) -> float:
        """Estimate in how many seconds the one with ``ahead`` callers before it can start.

        The first wait is what is known; further windows are taken to be of the configured length.
        """
        beyond = ahead + 1 - max(0, self.budget(now))
        if beyond <= 0:
            return 0.0
        first = self.delay(now)
        return (0.0 if first == inf else first) + (ceil(beyond / self.limit) - 1) * self.window

    def least_wait(self, now: float, ahead: int) -> float:
        """Say how long the one with ``ahead`` callers before it waits for certain: the API's windows may be shorter."""
        delay = 0.0 if ahead < self.budget(now) else self.delay(now)
        return 0.0 if delay == inf else delay

    def allowance(self, now: float, waiting: int) -> RateLimitStatus:
        """Tell where it stands."""
        return RateLimitStatus(
            limit=self.limit,
            remaining=max(0, self.budget(now)),
            waiting=waiting,
            seconds_to_end=self.wait(now, waiting - 1) if waiting else 0.0,
        )

    def written(self) -> dict[str, Any]:
        """Write all that it knows as JSON, for those who share it."""
        return {"limit": self.limit} | {name: _plain(getattr(self, name)) for name in _KNOWN}

    @classmethod
    def read(cls, written: Mapping[str, Any], limit: int, window: float) -> Self:
        """Read what one has written; a limit that the API told goes before the one given."""
        governor = cls(written.get("limit", limit), window)
        for name in _KNOWN & written.keys():
            rich = _RICH.get(name)
            setattr(governor, name, written[name] if rich is None else rich(written[name]))
        return governor

    def lose(self, now: float) -> None:
        """Forget calls under way for more than a window: who made them has died, and theirs is free again."""
        self._starts = [started for started in self._starts if started + self.window > now]

    def _end(self, started: float) -> None:
        if started in self._starts:  # it may have been given up for lost
            self._starts.remove(started)

    def _refuse(self, now: float, told: RateLimitHeaders) -> None:
        wait = told.retry_after if told.retry_after is not None else self._in_reach(told.resets_in)
        wait = self.window if wait is None else min(wait, _LONGEST_WAIT)
        self._blocked_until = max(self._blocked_until, now + wait)
        self._word = None
        self._after_refusal = True

    def _in_reach(self, resets_in: float | None) -> float | None:
        # a reset in the past, or far beyond what a window can be, is garbage
        return resets_in if resets_in is not None and 0 < resets_in <= 2 * self.window + _ROUNDING else None

    def _hear(self, now: float, told: RateLimitHeaders, started: float) -> None:
        if told.limit is not None:
            self.limit = told.limit
        word, resets_in = self._word, self._in_reach(told.resets_in)
        if told.remaining is None or resets_in is None:
            if word is not None:
                word.unheard.append(now)
            return
        # fewer left than our own calls explain: somebody else uses this key
        alone = told.remaining >= self.limit - self._in_flight - len(self._log)
        ends = self._ends(now, told.window, resets_in, started)
        order = _order(told.window, word)
        if word is None or order > 0:
            self._word = _Word(told.window, ends, told.remaining, alone, self._overlapping(started))
        elif order == 0:
            word.alone = word.alone and alone
            # never early either way; without a name the window may have moved on meanwhile, so the last end is taken
            word.ends = max(word.ends, ends) if told.window is None else min(word.ends, ends)
            if told.remaining < word.remaining:
                word.remaining = told.remaining
                word.unheard = [ended for ended in word.unheard if ended > started]

    def _overlapping(self, started: float) -> list[float]:
        """List when calls ended while the last one to end was under way: its answer may not have counted them yet."""
        found: list[float] = []
        for free in islice(reversed(self._log), 1, None):  # the latest first, without itself
            if free - self.window <= started:
                break
            found.append(free - self.window)
        return found

    def _ends(self, now: float, window: float | None, resets_in: float, started: float) -> float:
        """Say when a window ends by our clock, never too early."""
        if window is None:
            return now + resets_in
        self._ahead = clock_ahead(self._ahead, window - resets_in, sent=started, received=now)
        return window - self._ahead


def _order(window: float | None, word: _Word | None) -> float:
    """Tell whether an answer speaks of an earlier window than the word, the same (0), or a later one.

    Where the API names no moment it is taken for the same until that has ended, which is never too hopeful.
    """
    if word is None or window is None or word.window is None:
        return 0
    return window - word.window
