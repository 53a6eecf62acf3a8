"""The loop around an attempt: a place in line, the send, and what the table says of its outcome."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from math import inf
from typing import Any, Final

import attrs

from boooply.errors import AmbiguousWriteError, BoooplyError, DeadlineExceededError
from boooply.protocol.errors import error_from_response
from boooply.protocol.messages import Request, Response, json_object
from boooply.protocol.retry import RETRY_TABLE, FailureKind, RetryDecision, RetryPolicy, failure_of
from boooply.ratelimit.headers import RateLimitHeaders, read_headers
from boooply.secret import Secret
from boooply.transport.attempt import Failure, attempt
from boooply.transport.local_limiter import LocalLimiter, clock
from boooply.transport.pool import Pool
from boooply.transport.shared_limiter import SharedLimiter

OnSend = Callable[[], Awaitable[None]]

TIMEOUT: Final = 30.0

_MOST_REFUSALS: Final = 20  # a call that is refused this often, each time after the wait it was told, will be again
_REFUSAL_JITTER: Final = 0.05  # seconds at most, so that those who waited for one moment do not come all at once
_FINAL: Final = frozenset({RetryDecision.GIVE_UP, RetryDecision.WAIT})  # the second once it was refused too often
_NOT_CARRIED_OUT: Final = frozenset({FailureKind.NEVER_SENT, FailureKind.LIMITED})
_ALREADY: Final = frozenset({400, 404})  # what a second cancel or delete is told

_logger: Final = logging.getLogger("boooply")


@attrs.define  # a frozen one takes half as long again to make
class _Outcome:
    """What one attempt came to; ``error`` where there is no response."""

    sent_at: float  # when it went out, in seconds since 1970 by this machine's clock
    fault: FailureKind | None
    response: Response | None
    told: RateLimitHeaders | None  # by the response's headers
    error: BoooplyError | None

    def result(self) -> Response:
        """Give the response, which says itself what is wrong with it, or raise."""
        if self.response is None:
            raise self.error or AssertionError
        return self.response


@attrs.frozen
class _Hooks:
    """What a caller wants to be told around each attempt."""

    on_send: OnSend | None = None
    on_unsent: OnSend | None = None

    async def failed(self, fault: FailureKind) -> None:
        """Tell of an attempt that failed, where it was certainly not carried out."""
        if self.on_unsent is not None and fault in _NOT_CARRIED_OUT:
            await self.on_unsent()


_UNTOLD: Final = _Hooks()  # of nearly all calls


@attrs.frozen
class Transport:
    """Send requests with one key over a pool that others may share; ``timeout`` is in seconds, for one attempt."""

    pool: Pool
    key: Secret
    timeout: float = TIMEOUT
    retry: RetryPolicy = attrs.Factory(RetryPolicy)

    def send(
        self, request: Request, *, on_send: OnSend | None = None, on_unsent: OnSend | None = None
    ) -> Coroutine[Any, Any, Response]:
        """Send a request, and again where that is safe.

        ``on_send`` is awaited once a place in line is granted, before the first byte of each attempt goes out, and
        ``on_unsent`` where that attempt was certainly not carried out, before any wait for a further one.

        Raises:
            APIConnectionError: No answer came.
            DeadlineExceededError: No answer came in time, or could not.
            DecodingError: The answer broke off, or was too large.
            AmbiguousWriteError: It may have been carried out, and is not sent again.
        """
        ends = inf if self.retry.deadline is None else clock() + self.retry.deadline
        hooks = _UNTOLD if on_send is None and on_unsent is None else _Hooks(on_send, on_unsent)
        return self._send(request, ends, hooks)

    async def _send(self, request: Request, ends: float, hooks: _Hooks) -> Response:
        self.pool.budget.earn()
        sent = refusals = 0
        outcome = response = unsure = None  # the last is the first attempt that may have been carried out
        try:
            while True:
                outcome = await self._attempt(request, ends, sent, hooks)
                if outcome.fault is None:
                    response = outcome.result()
                    if unsure is not None and response.status in _ALREADY:
                        return await self._reconcile(request, ends, response, unsure.sent_at) or response
                    return response
                await hooks.failed(outcome.fault)
                sent += outcome.fault is not FailureKind.LIMITED
                verdict = RETRY_TABLE[outcome.fault][request.idempotency]
                if verdict is RetryDecision.WAIT and (refusals := refusals + 1) < _MOST_REFUSALS:
                    await self._pause(request, ends, self._refusal_pause(outcome, refusals))
                    continue
                if verdict is RetryDecision.AMBIGUOUS:
                    raise self._ambiguous(request, outcome.response, outcome.sent_at)  # noqa: TRY301 - an inner function's frame would hold the answer
                if verdict is RetryDecision.RECONCILE:
                    reconciled = await self._reconcile(request, ends, outcome.response, outcome.sent_at)
                    if reconciled is not None:
                        return reconciled
                    unsure = unsure or outcome
                if verdict in _FINAL or sent >= self.retry.attempts or not self.pool.budget.spend():
                    return outcome.result()
                await self._pause(request, ends, self.retry.pause(sent, random.random()))  # noqa: S311 - spreads callers
        except BaseException:
            outcome = response = unsure = None  # what is raised leads to this frame, and an answer may hold a key
            raise

    async def _attempt(self, request: Request, ends: float, sent: int, hooks: _Hooks) -> _Outcome:
        """Wait for a place in line, send once, and tell the line what the answer told."""
        pool = self.pool
        gate = pool.gate(self.key, request.limit)
        if ends < inf:
            self._in_time(request, ends, 0.0 if gate is None else gate.wait(), "turn in line")
        started = 0.0 if gate is None else await (gate.acquire() if ends == inf else self._line(request, ends, gate))
        outcome = None
        is_sent = False
        try:
            wire = await pool.wire()
            if hooks.on_send is not None:
                await hooks.on_send()
            begun, sent_at = clock(), time.time()
            if begun > ends:
                await hooks.failed(FailureKind.NEVER_SENT)
                raise self._too_late(request, "send")
            is_sent = True
            timeout = self.timeout if ends == inf else min(self.timeout, max(0.001, ends - begun))
            got = await attempt(wire, pool.base_url, request, self.key, timeout=timeout, proxy=pool.proxy)
            taken = clock() - begun
            outcome = self._outcome(request, ends, got, sent_at, taken)
            if _logger.isEnabledFor(logging.DEBUG):
                _log(request, outcome, sent + 1, taken)
            is_sent = outcome.fault is not FailureKind.NEVER_SENT
            return outcome
        finally:
            if gate is not None:
                _leave(gate, started, outcome, is_sent=is_sent)

    async def _line(self, request: Request, ends: float, gate: LocalLimiter | SharedLimiter) -> float:
        try:
            async with asyncio.timeout(max(0.0, ends - clock())):
                return await gate.acquire()
        except TimeoutError:
            pass
        raise self._too_late(request, "turn in line")

    def _outcome(
        self, request: Request, ends: float, got: Response | Failure, sent_at: float, taken: float
    ) -> _Outcome:
        if isinstance(got, Response):
            headers = read_headers(got.headers)
            told = self.pool.server_clock.observe(headers, sent=sent_at, received=sent_at + taken)
            return _Outcome(sent_at, failure_of(request, got), got, told, None)
        if clock() < ends or got.fault is FailureKind.NEVER_SENT:
            return _Outcome(sent_at, got.fault, None, None, got.error)
        # what was left of the deadline is nobody's number
        return _Outcome(sent_at, FailureKind.OUT_OF_TIME, None, None, self._too_late(request))

    async def _reconcile(
        self, request: Request, ends: float, response: Response | None, sent_at: float
    ) -> Response | None:
        """Read the state: the answer that a reconciled request would have had, or None where nothing has changed."""
        reconcile, unclear = request.reconcile, self._ambiguous(request, response, sent_at)
        del response  # as above
        reconciled = None
        if reconcile is not None:
            try:
                reconciled = reconcile.reconciled(await self._send(reconcile.request, ends, _UNTOLD))
            except BoooplyError:
                reconcile = None
        if reconcile is None:
            raise unclear
        return reconciled

    async def _pause(self, request: Request, ends: float, seconds: float) -> None:
        self._in_time(request, ends, seconds, "further attempt")
        await asyncio.sleep(seconds)

    def _refusal_pause(self, outcome: _Outcome, refusals: int) -> float:
        jitter = random.random() * _REFUSAL_JITTER  # noqa: S311 - spreads callers
        if self.pool.limits is not None:
            return jitter  # the line waits for what it was told
        told = outcome.told or RateLimitHeaders()
        wait = told.retry_after if told.retry_after is not None else told.resets_in
        return jitter + (self.retry.pause(refusals, 0.0) if wait is None or wait <= 0 else wait)

    def _in_time(self, request: Request, ends: float, seconds: float, waiting_for: str) -> None:
        if clock() + seconds > ends:
            raise self._too_late(request, waiting_for)

    def _too_late(self, request: Request, waiting_for: str = "response") -> DeadlineExceededError:
        return DeadlineExceededError(request.operation, self.retry.deadline or 0.0, waiting_for=waiting_for)

    def _ambiguous(self, request: Request, response: Response | None, sent_at: float) -> AmbiguousWriteError:
        ahead = self.pool.server_clock.ahead
        return AmbiguousWriteError(
            request.operation,
            identity=request.identity,
            people=request.people,
            status=None if response is None else response.status,
            status_error=None
            if response is None
            else error_from_response(request.operation, response, json_object(response)),
            sent_at=datetime.fromtimestamp(sent_at + (ahead or 0.0), UTC),
            by_api_clock=ahead is not None,
        )


def _leave(gate: LocalLimiter | SharedLimiter, started: float, outcome: _Outcome | None, *, is_sent: bool) -> None:
    if not is_sent:
        gate.release(started=started)
        return
    told = None if outcome is None else outcome.told
    gate.finish(told, started=started, rate_limited=outcome is not None and outcome.fault is FailureKind.LIMITED)


def _log(request: Request, outcome: _Outcome, number: int, taken: float) -> None:
    came = outcome.fault if outcome.response is None else outcome.response.status
    _logger.debug("%s %s: %s, attempt %d, %.3f s", request.method, request.template, came, number, taken)
