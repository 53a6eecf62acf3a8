"""The table of faults, and their broken responses."""

import asyncio
import os
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Final, NoReturn, cast

from aiohttp import web
from attrs import frozen

from boooply.sandbox.plans import PLAN_USED_UP
from boooply.sandbox.records import Fault
from boooply.sandbox.responses import ErrorResponse, internal_error, rate_limited

__all__ = ["ELSEWHERE", "FAULTS", "NO_FAULT", "Behaviour"]

ELSEWHERE: Final = "/elsewhere"
"""The target of `redirect`: another host name of the same socket."""

MEBIBYTE: Final = b" " * 2**20
BIG_BODY: Final = 40
BOMB: Final = 64
"""Both in MiB of spaces. JSON can begin with spaces, so only a size limit protects a client."""

DRIP: Final = 0.005
LOOK_AGAIN: Final = 0.01
NO_LINGERING: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
PLAN_TEXT: Final = "The interviews of the plan are used up. Upgrade the plan to create more."
PAGE: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

# ---- connections that break


async def _nothing(_request: web.BaseRequest) -> None:
    pass


async def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is not None:
        # a linger time of zero makes the kernel send RST instead of FIN
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)
        transport.abort()


async def _until_client_disconnects(request: web.BaseRequest) -> None:
    # aiohttp does not signal a disconnect here
    while request.transport is not None:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(LOOK_AGAIN)


def _disconnect() -> NoReturn:
    # aiohttp treats this as a disconnected client: it sends no more, closes the connection and logs nothing
    raise ConnectionResetError("a fault of the sandbox")


class _Silence(web.StreamResponse):
    """An action instead of a response, followed by a disconnect; its status is 0."""

    def __init__(self, act: Callable[[web.BaseRequest], Awaitable[None]]) -> None:
        super().__init__(status=0)
        self._act = act

    async def prepare(self, request: web.BaseRequest) -> NoReturn:
        await self._act(request)
        _disconnect()


class _Pieces(web.StreamResponse):
    """A response that sends its head at once, and its body in pieces with a pause after each."""

    def __init__(
        self, status: int, headers: dict[str, str], pieces: Iterable[bytes], *, pause: float = 0, hangs_up: bool = False
    ) -> None:
        super().__init__(status=status, headers=headers)
        self._pieces = pieces
        self._pause = pause
        self._hangs_up = hangs_up

    async def write_eof(self, data: bytes = b"") -> None:
        for piece in self._pieces:
            await self.write(piece)
            await asyncio.sleep(self._pause)
        await super().write_eof(data)
        if self._hangs_up:
            _disconnect()


# ---- responses that are wrong


def _body(genuine: web.Response) -> bytes:
    return cast("bytes", genuine.body or b"")


def _headers(genuine: web.Response) -> dict[str, str]:
    return {**genuine.headers, "Content-Length": str(len(_body(genuine)))}


def _unchanged(genuine: web.Response) -> web.StreamResponse:
    return genuine


def _halved(genuine: web.Response) -> web.StreamResponse:
    body = _body(genuine)
    return _Pieces(genuine.status, _headers(genuine), [body[: len(body) // 2]], hangs_up=True)


def _closed_after(genuine: web.Response) -> web.StreamResponse:
    return _Pieces(genuine.status, _headers(genuine), [_body(genuine)], hangs_up=True)


def _dripping(genuine: web.Response) -> web.StreamResponse:
    drops = (bytes([byte]) for byte in _body(genuine))
    return _Pieces(genuine.status, _headers(genuine), drops, pause=DRIP)


def _big(genuine: web.Response) -> web.StreamResponse:
    def pieces() -> Iterator[bytes]:
        for _ in range(BIG_BODY):
            yield MEBIBYTE
        yield _body(genuine)

    return _Pieces(200, {"Content-Type": "application/json"}, pieces())


@cache
def _bomb() -> bytes:
    # made once: deflate compresses by about 1 to 1000 at most, which leaves 64 kB
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    packed = [packer.compress(MEBIBYTE) for _ in range(BOMB)]
    return b"".join([*packed, packer.compress(b'{"success":true}'), packer.flush()])


def _bombed(_genuine: web.Response) -> web.StreamResponse:
    return web.Response(body=_bomb(), content_type="application/json", headers={"Content-Encoding": "gzip"})


def _broken(genuine: web.Response) -> web.StreamResponse:
    body = _body(genuine)
    return web.Response(body=body[: len(body) // 2], content_type="application/json")


def _page(status: int, title: str) -> web.StreamResponse:
    return web.Response(status=status, text=PAGE.format(title), content_type="text/html")


def _elsewhere(request: web.Request) -> web.StreamResponse:
    url = request.url.with_host("localhost").with_path(ELSEWHERE)
    return web.Response(status=307, headers={"Location": str(url)})


# ---- the table


@frozen(kw_only=True)
class Behaviour:
    """The behaviour of a fault.

    Attributes:
        meaning: A description in one line.
        instead: Responds instead of the operation, so that nothing is carried out.
        after: Turns the operation's response into the one that is sent.
        shows_limits: Whether the limit headers are sent; a proxy in front of the API sends none.
        reads_all: Whether the whole request is read first. Closing a socket with unread data sends a reset, which can
            overtake data that was already written.
    """

    meaning: str
    instead: Callable[[web.Request], web.StreamResponse] | None = None
    after: Callable[[web.Response], web.StreamResponse] = _unchanged
    shows_limits: bool = True
    reads_all: bool = True


def _proxy(status: int, title: str) -> Behaviour:
    return Behaviour(
        meaning=f"nothing is carried out; {status} as HTML, from a proxy in front",
        instead=lambda _request: _page(status, f"{status} {title}"),
        shows_limits=False,
    )


NO_FAULT: Final = Behaviour(meaning="carried out; the usual response", reads_all=False)
FAULTS: Final[Mapping[Fault, Behaviour]] = {
    "reset-before": Behaviour(
        meaning="nothing is carried out; a reset (RST) after the head was read, before the body is",
        instead=lambda _request: _Silence(_reset),
        reads_all=False,
    ),
    "reset-after": Behaviour(
        meaning="carried out; a reset (RST) instead of the response", after=lambda _genuine: _Silence(_reset)
    ),
    "drop-before": Behaviour(
        meaning="nothing is carried out; a clean close (EOF) instead of the response",
        instead=lambda _request: _Silence(_nothing),
    ),
    "commit-then-drop": Behaviour(
        meaning="carried out; a clean close (EOF) instead of the response", after=lambda _genuine: _Silence(_nothing)
    ),
    "drop-midway": Behaviour(
        meaning="carried out; truncated: the response's head and half its body, then a clean close", after=_halved
    ),
    "stall": Behaviour(
        meaning="carried out; no response, until the client disconnects or the sandbox stops",
        after=lambda _genuine: _Silence(_until_client_disconnects),
    ),
    "402": Behaviour(
        meaning="nothing is carried out; 402, as when the interviews of the plan are used up",
        instead=lambda _request: ErrorResponse(402, PLAN_USED_UP, PLAN_TEXT),
    ),
    "403-plan": Behaviour(
        meaning="nothing is carried out; 403, as when the interviews of the plan are used up",
        instead=lambda _request: ErrorResponse(403, PLAN_USED_UP, PLAN_TEXT),
    ),
    "422": Behaviour(
        meaning="nothing is carried out; 422 in the JSON form",
        instead=lambda _request: ErrorResponse(422, "VALIDATION_ERROR", "Validation failed"),
    ),
    "429": Behaviour(
        meaning="nothing is carried out; 429 with the headers of a used-up window",
        instead=lambda _request: rate_limited(),
    ),
    "429-bare": Behaviour(
        meaning="nothing is carried out; 429 without Retry-After and limit headers",
        instead=lambda _request: rate_limited(),
        shows_limits=False,
    ),
    "500": Behaviour(meaning="nothing is carried out; 500 in the JSON form", instead=lambda _request: internal_error()),
    "500-after": Behaviour(meaning="carried out; 500 in the JSON form", after=lambda _genuine: internal_error()),
    "502": _proxy(502, "Bad Gateway"),
    "503": _proxy(503, "Service Unavailable"),
    "504": _proxy(504, "Gateway Timeout"),
    "html": Behaviour(meaning="carried out; 200 with a page of HTML", after=lambda _genuine: _page(200, "Welcome")),
    "bad-json": Behaviour(
        meaning="carried out; 200 with half of the response's JSON, apparently complete", after=_broken
    ),
    "gzip-bomb": Behaviour(
        meaning=f"carried out; 200 with 64 kB of gzip that unfold to {BOMB} MiB of JSON", after=_bombed
    ),
    "big-body": Behaviour(
        meaning=f"carried out; 200 with {BIG_BODY} MiB of spaces before the JSON, streamed without a length", after=_big
    ),
    "slow-drip": Behaviour(
        meaning=f"carried out; the response's body, one byte every {DRIP * 1000:g} ms", after=_dripping
    ),
    "redirect": Behaviour(
        meaning=f"nothing is carried out; 307 to {ELSEWHERE} on another host, which no client may follow",
        instead=_elsewhere,
        shows_limits=False,
    ),
    "stale": Behaviour(meaning="carried out; the usual response, then a close without notice", after=_closed_after),
}
