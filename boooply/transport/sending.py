"""The loop around attempts: wait for the rate limit, send, and decide by the retry table."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import Final, TypeVar

import attrs

from boooply.errors import AmbiguousWriteError, APIError, BoooplyError, DeadlineExceededError, DecodingError
from boooply.protocol.endpoints import Endpoint
from boooply.protocol.errors import error_from_response
from boooply.protocol.header_values import LONGEST_WAIT
from boooply.protocol.messages import Request, Response, json_object
from boooply.protocol.retry import RETRY_TABLE, FailureKind, RetryDecision, RetryPolicy, failure_of
from boooply.ratelimit.headers import RateLimitHeaders
from boooply.secret import Secret, hide_locals
from boooply.transport.attempt import Failure, attempt
from boooply.transport.hooks import AttemptEnd, Hooks, log_pause
from boooply.transport.local_limiter import clock
from boooply.transport.pool import Pool
from boooply.transport.slot import Limiter, Slot

T = TypeVar("T")
OnSend = Callable[[], Awaitable[None]]

TIMEOUT: Final = 30.0

_MOST_RATE_LIMITED: Final = (
    20  # after this many 429s, each after the wait that the last one named, another attempt is futile
)
_JITTER: Final = 0.05  # seconds at most, so that callers that wait for the same time do not all send at once
_NOT_CARRIED_OUT: Final = frozenset({FailureKind.NEVER_SENT, FailureKind.RATE_LIMITED})
_ALREADY_DONE: Final = frozenset({400, 404})  # the responses to a second cancel or delete


@attrs.frozen
class Transport:
    """A key and its settings, over a pool that others may share. ``timeout`` is for one attempt, in seconds."""

    pool: Pool
    key: Secret
    timeout: float = TIMEOUT
    retry: RetryPolicy = attrs.Factory(RetryPolicy)
    hooks: Hooks = attrs.Factory(Hooks)
    organization_id: str | None = None  # the customer that the key belongs to, if it is known

    def ends(self) -> float:
        """Return the deadline of a call that starts now, by the clock of the event loop."""
        return inf if self.retry.deadline is None else clock() + self.retry.deadline

    async def call(self, endpoint: Endpoint[T], *, body: object = None, query: object = None, **path_params: str) -> T:
        """Send a request to an endpoint and return its result.

        Raises:
            ValidationError: A path parameter cannot be part of a path.
            APIError: The errors of ``send`` and ``Endpoint.parse``.
        """
        return endpoint.parse(await self.send(endpoint.request(body=body, query=query, **path_params)))

    def send(
        self, request: Request, *, on_send: OnSend | None = None, on_unsent: OnSend | None = None
    ) -> Awaitable[Response]:
        """Send a request, retry if that is safe, and return the response.

        ``on_send`` is awaited when the rate limit allows an attempt, before its first byte. ``on_unsent`` is awaited if
        the attempt was certainly not carried out, before the wait for the next one.

        Raises:
            APIConnectionError: There was no response.
            DeadlineExceededError: The deadline passed, or the next wait would have exceeded it.
            DecodingError: The response broke off, or was too large.
            AmbiguousWriteError: The request may have been carried out, and was not sent again.
        """
        return _ApiCall(self, request, self.ends(), on_send, on_unsent).run()


@attrs.define
class _ApiCall:
    """One call, with its attempts so far. ``ends`` is by the clock of the event loop."""

    _transport: Transport
    _request: Request
    _ends: float
    _on_send: OnSend | None = None
    _on_unsent: OnSend | None = None
    _sent: int = 0
    _rate_limited: int = 0
    _ambiguous: AttemptEnd | None = None  # the first attempt that may have been carried out

    @hide_locals
    async def run(self) -> Response:
        """Send the request until an attempt ends the call."""
        hooks = self._transport.hooks
        context = hooks.call_started(self._request)
        try:
            response = await self._run(context)
        except BaseException as error:
            if isinstance(error, APIError):
                error.organization_id = self._transport.organization_id
            hooks.call_ended(context, self._request, error)
            raise
        hooks.call_ended(context, self._request, response)
        return response

    async def _run(self, context: object) -> Response:
        self._transport.pool.budget.earn()
        while True:
            end = await self._attempt(context)
            if end.failure is None:
                return await self._confirm(end)
            if end.failure in _NOT_CARRIED_OUT:
                await self._report_unsent()
            self._sent += end.failure is not FailureKind.RATE_LIMITED
            decision = RETRY_TABLE[end.failure][self._request.idempotency]
            if decision is RetryDecision.AMBIGUOUS:
                raise self._ambiguous_error(end)
            if decision is RetryDecision.RECONCILE:
                reconciled = await self._reconcile(end)
                if reconciled is not None:
                    return reconciled
                self._ambiguous = self._ambiguous or end
            if not self._may_retry(decision):
                return end.unwrap()
            await self._pause(end)

    async def _attempt(self, context: object) -> AttemptEnd:
        """Wait for a slot, send once, and report the response's headers to the limiter."""
        transport, asked = self._transport, clock()
        transport.pool.check_open()  # before the wait for a slot
        with await self._acquire() as slot:
            waited = clock() - asked
            session = await transport.pool.session()
            if self._on_send is not None:
                await self._on_send()
            sent_at, started = time.time(), clock()
            if started > self._ends:
                await self._report_unsent()
                raise self._deadline_error("send")
            timeout = min(transport.timeout, max(0.001, self._ends - started))
            slot.is_sending = True
            result = await attempt(
                session,
                transport.pool,
                self._request,
                transport.key,
                timeout=timeout,
                organization_id=transport.organization_id,
            )
            end = self._end(result, sent_at, clock() - started, waited)
            if end.failure is FailureKind.NEVER_SENT:
                slot.release()
            else:
                slot.finish(end.headers, rate_limited=end.failure is FailureKind.RATE_LIMITED)
        transport.hooks.attempt_ended(context, self._request, end)
        return end

    def _acquire(self) -> Awaitable[Slot]:
        limiter = self._transport.pool.limiter(self._transport.key, self._request.limit)
        return Slot.acquire(limiter) if self._ends == inf else self._acquire_in_time(limiter)

    async def _acquire_in_time(self, limiter: Limiter | None) -> Slot:
        self._check_deadline(0.0 if limiter is None else limiter.wait(), "rate-limit slot")
        try:
            async with asyncio.timeout(self._ends - clock()):
                return await Slot.acquire(limiter)
        except TimeoutError:
            pass
        raise self._deadline_error("rate-limit slot")

    def _end(self, result: Response | Failure, sent_at: float, seconds: float, waited: float) -> AttemptEnd:
        headers = None
        outcome: Response | APIError
        if isinstance(result, Response):
            server_clock = self._transport.pool.server_clock
            headers = server_clock.read(result.headers, sent=sent_at, received=sent_at + seconds)
            failure, outcome = failure_of(self._request, result), result
        elif clock() < self._ends or result.kind is FailureKind.NEVER_SENT:
            failure, outcome = result.kind, result.error
        else:
            # an APITimeoutError would name the rest of the deadline, which is not a setting
            failure, outcome = FailureKind.DEADLINE, self._deadline_error("response", result.error.status)
        return AttemptEnd(
            number=self._sent + self._rate_limited + 1,
            sent_at=sent_at,
            seconds=seconds,
            seconds_waited=waited,
            organization_id=self._request.identity if self._request.mints else self._transport.organization_id,
            failure=failure,
            result=outcome,
            headers=headers,
        )

    async def _report_unsent(self) -> None:
        if self._on_unsent is not None:
            await self._on_unsent()

    async def _confirm(self, end: AttemptEnd) -> Response:
        """Return the response. After an ambiguous attempt, a read decides whether a 400 or 404 means success."""
        response = end.unwrap()
        if self._ambiguous is None or response.status not in _ALREADY_DONE:
            return response
        return await self._reconcile(end) or response

    async def _reconcile(self, end: AttemptEnd) -> Response | None:
        """Read the state. Return the response if the request was carried out, or None if nothing changed."""
        reconcile = self._request.reconcile
        if reconcile is not None:
            with suppress(BoooplyError):
                response = await _ApiCall(self._transport, reconcile.request, self._ends).run()
                return reconcile.reconciled(response)
        raise self._ambiguous_error(end)

    def _may_retry(self, decision: RetryDecision) -> bool:
        if decision is RetryDecision.WAIT:
            self._rate_limited += 1
            return self._rate_limited < _MOST_RATE_LIMITED
        retry, budget = self._transport.retry, self._transport.pool.budget
        return decision is not RetryDecision.GIVE_UP and self._sent < retry.attempts and budget.spend()

    async def _pause(self, end: AttemptEnd) -> None:
        seconds = self._seconds_to_pause(end)
        self._check_deadline(seconds, "further attempt", end.status)
        log_pause(self._request, end, seconds)
        await asyncio.sleep(seconds)

    def _seconds_to_pause(self, end: AttemptEnd) -> float:
        chance, retry = random.random(), self._transport.retry  # noqa: S311 - spreads callers
        headers, jitter = end.headers or RateLimitHeaders(), chance * _JITTER
        if end.failure is not FailureKind.RATE_LIMITED:
            return max(retry.pause(self._sent, chance), jitter + min(headers.retry_after or 0.0, LONGEST_WAIT))
        if self._transport.pool.limits is not None:
            return jitter  # the limiter waits as long as the headers request
        wait = headers.retry_after if headers.retry_after is not None else headers.resets_in
        return jitter + (retry.pause(self._rate_limited, 0.0) if wait is None or wait <= 0 else min(wait, LONGEST_WAIT))

    def _check_deadline(self, seconds: float, waiting_for: str, status: int | None = None) -> None:
        if clock() + seconds > self._ends:
            raise self._deadline_error(waiting_for, status)

    def _deadline_error(self, waiting_for: str, status: int | None = None) -> DeadlineExceededError:
        deadline = self._transport.retry.deadline or 0.0
        return DeadlineExceededError(self._request.operation, deadline, waiting_for=waiting_for, status=status)

    def _ambiguous_error(self, end: AttemptEnd) -> AmbiguousWriteError:
        request, response, ahead = self._request, end.response, self._transport.pool.server_clock.ahead
        error = None if response is None else error_from_response(request.operation, response, json_object(response))
        sent_at = (self._ambiguous or end).sent_at + (ahead or 0.0)
        return AmbiguousWriteError(
            request.operation,
            identity=request.identity,
            people=request.people,
            status=end.status,
            status_error=error,
            message=self._problem(end) if error is None else None,
            sent_at=datetime.fromtimestamp(sent_at, UTC),
            by_api_clock=ahead is not None,
        )

    def _problem(self, end: AttemptEnd) -> str | None:
        """Return why the response cannot be read, or None if there was none."""
        if isinstance(end.result, Response):
            return self._request.check(end.result)
        return "; ".join(end.result.problems) if isinstance(end.result, DecodingError) else None
