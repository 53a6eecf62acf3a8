"""What each fault does to a call: the table, and the answers that break on the wire."""

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

from boooply.sandbox.records import Fault
from boooply.sandbox.wire import failed, rate_limited

__all__ = ["ELSEWHERE", "FAULTS", "NO_FAULT", "Behaviour"]

ELSEWHERE: Final = "/elsewhere"
"""Where `redirect` points, on another host name that leads to the same socket."""

MEBIBYTE: Final = b" " * 2**20
BIG_BODY: Final = 40
BOMB: Final = 64
"""Both in MiB, of spaces: JSON may begin with them, so only a cap saves who reads it all."""

DRIP: Final = 0.005
LOOK_AGAIN: Final = 0.01
NO_LINGERING: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
PAGE: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

# ---- connections that break


async def _nothing(_request: web.BaseRequest) -> None:
    pass


async def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is not None:
        # To linger for no time is what makes the kernel send RST and not FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)
        transport.abort()


async def _until_the_client_goes(request: web.BaseRequest) -> None:
    # aiohttp tells nobody of it here, so it has to be asked.
    while request.transport is not None:  # noqa: ASYNC110 - see above
        await asyncio.sleep(LOOK_AGAIN)


def _hang_up() -> NoReturn:
    # aiohttp takes this for a client that went: it sends no more, closes the connection and logs nothing.
    raise ConnectionResetError("a fault of the sandbox")


class _Silence(web.StreamResponse):
    """Do something in place of an answer, and hang up; its status is 0."""

    def __init__(self, act: Callable[[web.BaseRequest], Awaitable[None]]) -> None:
        super().__init__(status=0)
        self._act = act

    async def prepare(self, request: web.BaseRequest) -> NoReturn:
        await self._act(request)
        _hang_up()


class _Pieces(web.StreamResponse):
    """Send a head at once, and the body piece by piece with a pause after each."""

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
            _hang_up()


# ---- answers that are wrong


def _body(genuine: web.Response) -> bytes:
    return cast("bytes", genuine.body or b"")


def _headers(genuine: web.Response) -> dict[str, str]:
    return {**genuine.headers, "Content-Length": str(len(_body(genuine)))}


def _unchanged(genuine: web.Response) -> web.StreamResponse:
    return genuine


def _halved(genuine: web.Response) -> web.StreamResponse:
    body = _body(genuine)
    return _Pieces(genuine.status, _headers(genuine), [body[: len(body) // 2]], hangs_up=True)


def _left(genuine: web.Response) -> web.StreamResponse:
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
    # Made once, in a fifth of a second. 64 kB: deflate has no ratio beyond about 1 to 1000.
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
    """Say what one fault does.

    Attributes:
        meaning: One line for people.
        instead: Answers in place of the operation, so that nothing is carried out.
        after: Makes of the operation's answer what is sent.
        shows_limits: Whether the limit headers are sent; a proxy in front knows of none.
        reads_all: Whether the request is read to its end first. A socket that is closed with something unread in it
            sends a reset, which overtakes what was written.
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


NO_FAULT: Final = Behaviour(meaning="carried out; the answer as ever", reads_all=False)
FAULTS: Final[Mapping[Fault, Behaviour]] = {
    "reset-before": Behaviour(
        meaning="nothing is carried out; a reset (RST) after the head was read, before the body is",
        instead=lambda _request: _Silence(_reset),
        reads_all=False,
    ),
    "reset-after": Behaviour(
        meaning="carried out; a reset (RST) instead of the answer", after=lambda _genuine: _Silence(_reset)
    ),
    "drop-before": Behaviour(
        meaning="nothing is carried out; a clean close (EOF) instead of the answer",
        instead=lambda _request: _Silence(_nothing),
    ),
    "commit-then-drop": Behaviour(
        meaning="carried out; a clean close (EOF) instead of the answer", after=lambda _genuine: _Silence(_nothing)
    ),
    "drop-midway": Behaviour(
        meaning="carried out; truncated: the answer's head and half its body, then a clean close", after=_halved
    ),
    "stall": Behaviour(
        meaning="carried out; no answer, until the client goes or the sandbox stops",
        after=lambda _genuine: _Silence(_until_the_client_goes),
    ),
    "429": Behaviour(
        meaning="nothing is carried out; 429 with the headers of a window that is used up",
        instead=lambda _request: rate_limited(),
    ),
    "429-bare": Behaviour(
        meaning="nothing is carried out; 429 without Retry-After and limit headers",
        instead=lambda _request: rate_limited(),
        shows_limits=False,
    ),
    "500": Behaviour(meaning="nothing is carried out; 500 in the JSON form", instead=lambda _request: failed()),
    "500-after": Behaviour(meaning="carried out; 500 in the JSON form", after=lambda _genuine: failed()),
    "502": _proxy(502, "Bad Gateway"),
    "503": _proxy(503, "Service Unavailable"),
    "504": _proxy(504, "Gateway Timeout"),
    "html": Behaviour(meaning="carried out; 200 with a page of HTML", after=lambda _genuine: _page(200, "Welcome")),
    "bad-json": Behaviour(
        meaning="carried out; 200 with half of the answer's JSON, complete to all appearance", after=_broken
    ),
    "gzip-bomb": Behaviour(
        meaning=f"carried out; 200 with 64 kB of gzip that unfold to {BOMB} MiB of JSON", after=_bombed
    ),
    "big-body": Behaviour(
        meaning=f"carried out; 200 with {BIG_BODY} MiB of spaces before the JSON, streamed without a length", after=_big
    ),
    "slow-drip": Behaviour(meaning=f"carried out; the answer's body a byte every {DRIP * 1000:g} ms", after=_dripping),
    "redirect": Behaviour(
        meaning=f"nothing is carried out; 307 to {ELSEWHERE} on another host, where no client may go",
        instead=_elsewhere,
        shows_limits=False,
    ),
    "stale": Behaviour(meaning="carried out; the answer as ever, then a close that no header announced", after=_left),
}
