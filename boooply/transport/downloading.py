"""A recording on its way to the disk: in pieces, each from where the one before broke off."""

from __future__ import annotations

import asyncio
import errno
import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

import aiohttp
import attrs
from yarl import URL

from boooply.errors import (
    APIConnectionError,
    APITimeoutError,
    BoooplyError,
    DeadlineExceededError,
    DecodingError,
    RateLimitError,
)
from boooply.models import Recording
from boooply.protocol.downloads import OPERATION, EventStatus, Link, asking, begun, is_complete, is_misfit, link_of
from boooply.protocol.errors import error_from_response
from boooply.protocol.messages import RateLimitClass, Response, json_object
from boooply.ratelimit.headers import read_headers
from boooply.secret import redact
from boooply.transport.attempt import CONNECT_TIMEOUT, failure
from boooply.transport.pool import proxy_for
from boooply.transport.sending import Transport

_CHUNK: Final = 2**18
_LONGEST_REFUSAL: Final = 2**16
_LONGEST_KIND: Final = 80
_OTHERWISE_SOON: Final = frozenset({429, *range(500, 600)})
_BROKE_OFF: Final = "the recording broke off"


@attrs.frozen
class _Piece:
    """What one request brought: all that is there now, and what ended it early, if something did."""

    progress: EventStatus
    error: Exception | None = None
    is_final: bool = False  # asking again would change nothing


async def download(transport: Transport, recording: Recording, path: Path) -> None:
    """Fetch a recording into a file, which appears once all of it is there.

    A break is mended by asking for the rest. ``retry.attempts`` counts requests in a row that brought nothing new, and
    ``retry.deadline`` covers the whole transfer; each read may take ``timeout`` seconds.

    Raises:
        APIConnectionError: No more comes.
        DeadlineExceededError: It took too long.
        DecodingError: What comes is no video.
        APIStatusError: The API or its storage refuses.
        OSError: The file cannot be written.
    """
    link = link_of(recording, transport.pool.base_url, transport.key)
    if link is None:
        raise DecodingError(OPERATION, status=200, problems=("the recording has no link",))
    file = _open_beside(path)
    try:
        await _in_time(transport, link, file)
        await asyncio.to_thread(_put_in_place, file, path)
    finally:
        await asyncio.shield(asyncio.to_thread(_drop, file))


def _open_beside(path: Path) -> IO[bytes]:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False)


def _put_in_place(file: IO[bytes], path: Path) -> None:
    file.close()
    Path(file.name).replace(path)


def _drop(file: IO[bytes]) -> None:
    try:
        file.close()  # which writes what is left, and fails where the disk is full
    finally:
        Path(file.name).unlink(missing_ok=True)


async def _in_time(transport: Transport, link: Link, file: IO[bytes]) -> None:
    deadline = transport.retry.deadline
    try:
        async with asyncio.timeout(deadline):
            return await _pieces(transport, link, file)
    except TimeoutError:
        pass
    raise DeadlineExceededError(OPERATION, deadline or 0.0)


async def _pieces(transport: Transport, link: Link, file: IO[bytes]) -> None:
    progress, furthest, in_vain = EventStatus(), 0, 0
    while True:
        piece = await _in_line(transport, link, file, progress)
        if piece.error is None:
            return
        progress = piece.progress
        in_vain = 0 if progress.size > furthest else in_vain + 1
        furthest = max(furthest, progress.size)
        if piece.is_final or in_vain >= transport.retry.attempts or (in_vain and not transport.pool.budget.spend()):
            raise piece.error.with_traceback(None)
        pause = transport.retry.pause(max(1, in_vain), random.random())  # noqa: S311 - spreads callers
        told = piece.error.retry_after if isinstance(piece.error, RateLimitError) else None
        await asyncio.sleep(max(pause, told or 0.0))


async def _in_line(transport: Transport, link: Link, file: IO[bytes], progress: EventStatus) -> _Piece:
    """Fetch a piece; only what goes to the API itself, with the key, counts against its limits."""
    gate = transport.pool.gate(transport.key, RateLimitClass.READS) if link.key is not None else None
    if gate is None:
        return await _piece(transport, link, file, progress, lambda _status, _headers: None)
    started = await gate.acquire()
    has_left = False

    def hear(status: int, headers: Mapping[str, str]) -> None:
        nonlocal has_left
        has_left = True  # with its headers it is counted: who waits in line need not wait for the video
        gate.finish(read_headers(headers), started=started, rate_limited=status == 429)  # noqa: PLR2004 - its own name

    try:
        return await _piece(transport, link, file, progress, hear)
    finally:
        if not has_left:
            gate.finish(None, started=started)


async def _piece(
    transport: Transport,
    link: Link,
    file: IO[bytes],
    progress: EventStatus,
    hear: Callable[[int, Mapping[str, str]], None],
) -> _Piece:
    wire = await transport.pool.wire()
    proxy = proxy_for(link.url.reveal())
    reached = [progress]  # how far it came, whatever breaks it off
    cancelled: tuple[object, ...] | None = None
    try:
        async with wire.session.get(
            URL(link.url.reveal(), encoded=True),
            headers=asking(progress) | ({} if link.key is None else {"Authorization": f"Bearer {link.key.reveal()}"}),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT, sock_read=transport.timeout),
            proxy=None if proxy is None else proxy.reveal(),
            # to a storage, perhaps: aiohttp leaves the key behind where a redirect leads to another host
            allow_redirects=True,
        ) as answer:
            hear(answer.status, answer.headers)
            piece = await _written(answer, link, file, reached)
    except asyncio.CancelledError as error:
        cancelled = error.args
        piece = _Piece(reached[0])
    except aiohttp.ConnectionTimeoutError as error:
        piece = _Piece(reached[0], _broken(link, error))
    except TimeoutError:
        piece = _Piece(reached[0], APITimeoutError(OPERATION, transport.timeout))
    except aiohttp.ClientError as error:
        piece = _Piece(reached[0], _broken(link, error))
    except OSError as error:  # the disk's own, which says what is wrong; without the frames, which hold the key
        piece = _Piece(reached[0], error.with_traceback(None), is_final=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, its frames hold the key
        piece = _Piece(reached[0], _broken(link, error))
    if cancelled is not None:
        raise asyncio.CancelledError(*cancelled)
    return piece


def _broken(link: Link, error: Exception) -> BoooplyError:
    """Say what went wrong on the wire; where the storage is another host's, the words for the API's would mislead."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return APIConnectionError(OPERATION, _BROKE_OFF)
    if isinstance(error, aiohttp.TooManyRedirects):
        return APIConnectionError(OPERATION, "the link leads from one address to the next")
    if link.key is None:
        return APIConnectionError(OPERATION, "the storage of the recording cannot be reached")
    return failure(OPERATION, error).error


async def _written(answer: aiohttp.ClientResponse, link: Link, file: IO[bytes], reached: list[EventStatus]) -> _Piece:
    before = reached[0]
    if is_complete(before, answer.status, answer.headers):
        return _Piece(before)
    progress = begun(before, answer.status, answer.headers)
    if progress is None:
        return await _refused(answer, link, before)
    reached[0] = progress
    await asyncio.to_thread(_go_to, file, progress.size)
    async for chunk in answer.content.iter_chunked(_CHUNK):
        await asyncio.to_thread(file.write, chunk)
        progress = attrs.evolve(progress, size=progress.size + len(chunk))
        reached[0] = progress
    return _Piece(progress, None if progress.is_whole else APIConnectionError(OPERATION, _BROKE_OFF))


def _go_to(file: IO[bytes], place: int) -> None:
    file.seek(place)
    file.truncate()


async def _refused(answer: aiohttp.ClientResponse, link: Link, before: EventStatus) -> _Piece:
    if is_misfit(answer.status):
        return _Piece(EventStatus(), APIConnectionError(OPERATION, "the recording has changed meanwhile"))
    body = await answer.content.read(_LONGEST_REFUSAL)
    response = Response(status=answer.status, headers=answer.headers, body=body, key=link.key)
    kind = redact(answer.headers.get("Content-Type", "nothing").partition(";")[0], link.key)[:_LONGEST_KIND]
    no_video = DecodingError(OPERATION, status=answer.status, problems=(f"expected a video, found {kind}",))
    error = error_from_response(OPERATION, response, json_object(response)) or no_video
    return _Piece(before, error, is_final=answer.status not in _OTHERWISE_SOON)
