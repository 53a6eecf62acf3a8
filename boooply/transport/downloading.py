"""The download of a recording to a file. If it breaks off, it resumes at the same place."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
import weakref
from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

import aiohttp
import attrs
from yarl import URL

from boooply.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    DeadlineExceededError,
    DecodingError,
)
from boooply.models import Recording
from boooply.protocol.downloads import (
    OPERATION,
    Progress,
    is_complete,
    is_framed,
    is_last,
    is_refused,
    link_of,
    must_restart,
    range_headers,
    start_of_body,
)
from boooply.protocol.errors import error_from_response
from boooply.protocol.header_values import LONGEST_WAIT
from boooply.protocol.messages import Response
from boooply.secret import Secret, hide_locals, one_line, redact
from boooply.transport.attempt import client_timeout, failure
from boooply.transport.connector import ATTEMPT, AttemptProgress
from boooply.transport.local_limiter import clock
from boooply.transport.pool import proxy_for
from boooply.transport.sending import Transport

LookUp = Callable[[], Awaitable[Recording | None]]

_logger: Final = logging.getLogger("boooply")

_CHUNK: Final = 2**18
_LONGEST_CONTENT_TYPE: Final = 80
_RATE_LIMITED: Final = 429
_TEMPORARY: Final = frozenset({_RATE_LIMITED, *range(500, 600)})


@hide_locals
async def download(transport: Transport, look_up: LookUp, path: Path, *, ends: float) -> Recording | None:
    """Download a recording to a file, and return its description, or None if there is no recording.

    The file appears when it is complete. If the connection breaks, only the missing bytes are requested. If the link
    has expired, a fresh one is requested. ``retry.attempts`` limits consecutive requests that bring no new data. Each
    wait for data may take up to ``timeout`` seconds. The deadline is ``ends``, by the clock of the event loop.

    Raises:
        APIConnectionError: The connection broke repeatedly.
        DeadlineExceededError: The deadline passed, or the next wait would have exceeded it.
        DecodingError: The response is not a video.
        APIStatusError: The API or the server of the video responded with an error.
        OSError: The file cannot be written.
    """
    recording = await look_up()
    if recording is None:
        return None
    link = link_of(recording)
    if link is None:
        raise DecodingError(OPERATION, status=200, problems=("the recording has no link to a video",))
    file = _open_beside(path)
    # also if the interpreter exits, which ends the thread of a blocking client without running `finally`
    removing = weakref.finalize(file, _remove, file.name, os.getpid())
    try:
        download = _Download(transport, look_up, recording, link, file, ends)
        await _download_in_time(download)
        await asyncio.to_thread(_move_into_place, file, path)
        removing.detach()
    except APIError as error:
        error.organization_id = transport.organization_id
        raise
    else:
        return download.recording
    finally:
        await asyncio.shield(asyncio.to_thread(_discard, file, removing))


def _open_beside(path: Path) -> IO[bytes]:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False)


def _move_into_place(file: IO[bytes], path: Path) -> None:
    file.close()
    Path(file.name).replace(path)


def _discard(file: IO[bytes], removing: Callable[[], object]) -> None:
    try:
        file.close()  # closing flushes, which fails if the disk is full
    finally:
        removing()


def _remove(name: str, process: int) -> None:
    if os.getpid() == process:  # a forked child must not remove its parent's file
        Path(name).unlink(missing_ok=True)


async def _download_in_time(download: _Download) -> None:
    limit = asyncio.timeout_at(None if download.ends == inf else download.ends)
    try:
        async with limit:
            return await download.run()
    except TimeoutError:  # from an attempt or the disk, unless the deadline has passed
        if not limit.expired():
            raise
    raise download.deadline_error("complete recording")


@attrs.define
class _Attempt(AttemptProgress):
    """The times of one attempt, by the clock of the event loop, and the status of its response."""

    began: float = attrs.Factory(clock)
    arrived: float = attrs.Factory(clock)  # when the last data arrived
    status: int | None = None

    def stalled(self, timeout: float) -> APITimeoutError:
        """Return the error of an attempt that received no more data."""
        # data that arrives while the disk is busy is read late, but aiohttp has waited for the whole timeout
        seconds = max(timeout, clock() - self.arrived)
        after = 0.0 if self.status is None else max(0.0, clock() - self.began - seconds)
        return APITimeoutError(OPERATION, seconds, status=self.status, after=after)


@attrs.frozen
class _Problem:
    """The reason why a request did not complete the file.

    If it ``is_final``, another request cannot help. If the link ``is_refused``, a fresh link may help.
    """

    error: Exception
    is_final: bool = False
    is_refused: bool = False


@attrs.define
class _Download:
    """A download to an open file, with its progress and the latest recording and link."""

    transport: Transport
    look_up: LookUp
    recording: Recording
    link: Secret
    file: IO[bytes]
    ends: float
    progress: Progress = attrs.Factory(Progress)

    async def run(self) -> None:
        """Send requests until the file is complete."""
        retry, budget = self.transport.retry, self.transport.pool.budget
        furthest = fruitless = 0
        is_fresh = False
        while (problem := await self._request()) is not None:
            if problem.is_refused and not is_fresh:
                await self._renew(problem)
                is_fresh = True
                continue
            is_fresh = False
            fruitless = 0 if self.progress.size > furthest else fruitless + 1
            furthest = max(furthest, self.progress.size)
            if problem.is_final or fruitless >= retry.attempts or (fruitless and not budget.spend()):
                raise problem.error
            pause = retry.pause(max(1, fruitless), random.random())  # noqa: S311 - spreads callers
            wait = problem.error.retry_after if isinstance(problem.error, APIStatusError) else None
            seconds = max(pause, min(wait or 0.0, LONGEST_WAIT))
            self._check_deadline(seconds, "further attempt")
            _logger.info("%s%s; continues in %.1f s", problem.error, self._customer, seconds)
            await asyncio.sleep(seconds)

    async def _renew(self, problem: _Problem) -> None:
        _logger.info("%s%s; continues with a fresh link", problem.error, self._customer)
        recording = await self.look_up()
        link = link_of(recording)
        if recording is None or link is None:
            raise problem.error
        self.recording, self.link = recording, link

    @property
    def _customer(self) -> str:
        """The end of a log line, which names the customer if it is known."""
        organization_id = self.transport.organization_id
        return "" if organization_id is None else one_line(f", customer {organization_id}")

    def deadline_error(self, waiting_for: str) -> DeadlineExceededError:
        """Return the error of a download that exceeds its deadline."""
        return DeadlineExceededError(OPERATION, self.transport.retry.deadline or 0.0, waiting_for=waiting_for)

    def _check_deadline(self, seconds: float, waiting_for: str) -> None:
        if clock() + seconds > self.ends:
            raise self.deadline_error(waiting_for)

    async def _request(self) -> _Problem | None:
        """Request the missing bytes from the server of the video, which must not receive the key."""
        url = self.link.reveal()
        proxy = proxy_for(url)
        session = await self.transport.pool.session()
        attempt = _Attempt()
        ATTEMPT.set(attempt)
        try:
            async with session.get(
                URL(url, encoded=True),
                headers=range_headers(self.progress),
                timeout=client_timeout(self.transport.timeout, read=self.transport.timeout),
                proxy=None if proxy is None else proxy.reveal(),
                allow_redirects=True,
            ) as response:
                attempt.arrived, attempt.status = clock(), response.status
                return await self._receive(response, attempt)
        except Exception as error:  # noqa: BLE001 - after any error, another request may bring the rest
            return self._problem(error, attempt, proxy)

    async def _receive(self, response: aiohttp.ClientResponse, attempt: _Attempt) -> _Problem | None:
        if is_complete(self.progress, response.status, response.headers):
            return None
        start = start_of_body(self.progress, response.status, response.headers)
        if start is None:
            return await self._no_video(response)
        if not is_framed(response.headers):
            problem = "the response has neither a length nor chunks, so its end cannot be detected"
            error = DecodingError(OPERATION, status=response.status, problems=(problem,))
            return _Problem(error, is_final=True)
        self.progress = start
        await asyncio.to_thread(_truncate, self.file, start.size)
        async for chunk in response.content.iter_chunked(_CHUNK):
            attempt.arrived = clock()
            await asyncio.to_thread(self.file.write, chunk)
            self.progress = attrs.evolve(self.progress, size=self.progress.size + len(chunk))
        return None if is_last(self.progress, response.status) else _Problem(_broke_off(response.status))

    async def _no_video(self, response: aiohttp.ClientResponse) -> _Problem:
        if must_restart(response.status):
            self.progress = Progress()
            return _Problem(APIConnectionError(OPERATION, "the recording changed during the download"))
        status = response.status
        # without the body, which may repeat the link
        read = Response(status=status, headers=response.headers, body=await response.content.read(1), key=self.link)
        content_type = redact(response.headers.get("Content-Type", "nothing").partition(";")[0], self.link)
        problem = f"expected a video, found {content_type[:_LONGEST_CONTENT_TYPE]}"
        no_video = DecodingError(OPERATION, status=status, problems=(problem,))
        error = error_from_response(OPERATION, read, None) or no_video
        return _Problem(error, is_final=status not in _TEMPORARY, is_refused=is_refused(status))

    def _problem(self, error: Exception, attempt: _Attempt, proxy: Secret | None) -> _Problem:
        if isinstance(error, OSError) and not isinstance(error, aiohttp.ClientError):
            return _Problem(error, is_final=True)  # the error of the disk names the problem
        if isinstance(error, aiohttp.SocketTimeoutError):
            return _Problem(attempt.stalled(self.transport.timeout))
        if isinstance(error, aiohttp.ClientPayloadError):
            return _Problem(_broke_off(attempt.status))
        if isinstance(error, aiohttp.TooManyRedirects):
            return _Problem(APIConnectionError(OPERATION, "the link to the video redirects too often"))
        if not attempt.has_connection:  # the texts of failure() name the API's host
            return _Problem(APIConnectionError(OPERATION, "the server of the video cannot be reached"))
        timeout, status = self.transport.timeout, attempt.status or 0
        return _Problem(failure(OPERATION, error, attempt, timeout=timeout, proxy=proxy, status=status).error)


def _truncate(file: IO[bytes], size: int) -> None:
    file.seek(size)
    file.truncate()


def _broke_off(status: int | None) -> APIConnectionError:
    return APIConnectionError(OPERATION, "the recording broke off", status=status)
