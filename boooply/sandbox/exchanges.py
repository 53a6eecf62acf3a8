"""The masked requests and responses of the newest calls, for the console, within a memory limit."""

import sys
from collections.abc import Iterable
from typing import Final, Literal

from aiohttp import web
from attrs import field, frozen

from boooply.sandbox.limits import Allowance, Decision
from boooply.sandbox.masking import mask, mask_headers

__all__ = ["KEPT", "LARGEST", "TOGETHER", "Body", "Exchange", "Exchanges", "exchange_of"]

KEPT: Final = 5_000
"""The number of newest calls whose requests and responses are kept."""

TOGETHER: Final = 32 * 2**20
"""Their largest total size in bytes."""

LARGEST: Final = 64 * 2**10
"""The largest size of a kept body in bytes; a longer one is cut."""

Headers = tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class Body:
    """A body as the console shows it.

    Attributes:
        text: Its text with masked secrets, cut after `LARGEST` bytes; empty for binary data.
        size: Its size in bytes.
        is_text: Whether it is text in UTF-8.
    """

    text: str = field(repr=False)
    size: int
    is_text: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether the text is complete."""
        return self.is_text and self.size <= LARGEST

    @classmethod
    def of(cls, raw: bytes) -> "Body":
        """Return the kept part of a body."""
        try:
            # the cut can be in the middle of a character
            text = raw[:LARGEST].decode(errors="ignore") if len(raw) > LARGEST else raw.decode()
        except UnicodeDecodeError:
            return cls(text="", size=len(raw), is_text=False)
        return cls(text=mask(text), size=len(raw))


@frozen(kw_only=True)
class Exchange:
    """A request and its response, without secrets.

    Attributes:
        target: The path and the query.
        opens: The kind of the key; None if it is unknown or absent.
        customer: The platform's ID of the customer that the key belongs to, even if the key was revoked; else None.
        request_body: The body of the request; None if the sandbox did not read it.
        response_body: The body of the response; None if a fault replaced it.
        seconds: The time from the head of the request until the response was ready.
        allowance: The rate-limit class of the call.
        decision: The state of its rate-limit window after the call; None without a known key.
    """

    target: str = field(repr=False)
    opens: Literal["platform", "organization"] | None
    customer: str | None
    request_headers: Headers = field(repr=False)
    request_body: Body | None
    response_headers: Headers = field(repr=False)
    response_body: Body | None
    seconds: float
    allowance: Allowance
    decision: Decision | None

    @property
    def size(self) -> int:
        """The approximate size in memory, in bytes."""
        bodies = [body.text for body in (self.request_body, self.response_body) if body is not None]
        headers = [text for pair in (*self.request_headers, *self.response_headers) for text in pair]
        return sum(map(sys.getsizeof, (*bodies, *headers, self.target)))

    def texts(self) -> Iterable[str]:
        """Return the texts that a search covers."""
        bodies = (body.text for body in (self.request_body, self.response_body) if body is not None)
        return (self.target, *bodies)


class Exchanges:
    """The newest exchanges by the number of their call, limited to `KEPT` exchanges and `TOGETHER` bytes."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Exchange, int]] = {}
        self._size = 0

    def get(self, number: int) -> Exchange | None:
        """Return the exchange of a call, or None if it is no longer kept."""
        found = self._kept.get(number)
        return None if found is None else found[0]

    def add(self, number: int, exchange: Exchange) -> None:
        """Keep an exchange, and drop the oldest ones beyond the limits."""
        self._kept[number] = exchange, exchange.size
        self._size += exchange.size
        while len(self._kept) > KEPT or self._size > TOGETHER:
            _, size = self._kept.pop(next(iter(self._kept)))
            self._size -= size


async def exchange_of(
    request: web.Request,
    response: web.StreamResponse,
    *,
    opens: Literal["platform", "organization"] | None,
    customer: str | None,
    allowance: Allowance,
    decision: Decision | None,
    seconds: float,
) -> Exchange:
    """Return the masked request and response of a call, without waiting for a body that has not arrived."""
    sent = response.body if isinstance(response, web.Response) else None
    return Exchange(
        target=mask(request.raw_path),
        opens=opens,
        customer=customer,
        request_headers=mask_headers(request.headers.items()),
        request_body=await _request_body(request),
        response_headers=mask_headers(response.headers.items()),
        response_body=Body.of(sent) if isinstance(sent, bytes) else None,
        seconds=seconds,
        allowance=allowance,
        decision=decision,
    )


async def _request_body(request: web.Request) -> Body | None:
    if not request.content.is_eof():
        return None
    try:
        return Body.of(await request.read())
    except (OSError, web.HTTPException, web.RequestPayloadError):
        return None
