"""What the console shows of a call beside its record: request and response, masked, within a bound of memory."""

import sys
from collections.abc import Iterable
from typing import Final, Literal

from aiohttp import web
from attrs import field, frozen

from boooply.sandbox.limits import Allowance, Decision
from boooply.sandbox.masking import mask, mask_headers

__all__ = ["KEPT", "LARGEST", "TOGETHER", "Body", "Exchange", "Exchanges", "exchange_of"]

KEPT: Final = 5_000
"""The calls of which requests and responses are kept: the newest ones."""

TOGETHER: Final = 32 * 2**20
"""The bytes that they may take together."""

LARGEST: Final = 64 * 2**10
"""The bytes that are kept of one body."""

Headers = tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class Body:
    """A body as the console shows it.

    Attributes:
        text: Its text with the secrets masked, at most `LARGEST` bytes of it; empty for binary data.
        size: Its size in bytes.
        is_text: Whether it is text in UTF-8.
    """

    text: str = field(repr=False)
    size: int
    is_text: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether the text is all of it."""
        return self.is_text and self.size <= LARGEST

    @classmethod
    def of(cls, raw: bytes) -> "Body":
        """Return what is kept of a body."""
        try:
            # What was cut may end amid a character.
            text = raw[:LARGEST].decode(errors="ignore") if len(raw) > LARGEST else raw.decode()
        except UnicodeDecodeError:
            return cls(text="", size=len(raw), is_text=False)
        return cls(text=mask(text), size=len(raw))


@frozen(kw_only=True)
class Exchange:
    """A request and its response, without secrets.

    Attributes:
        target: The path and the query.
        opens: What the presented key opens; None if it is unknown or absent.
        customer: The platform's own id of the customer whose key it is, revoked or not; None for any other key.
        request_body: None if the sandbox did not read it.
        response_body: None if a fault sent something else than a whole body.
        seconds: From the request's head to the response, ready to be sent.
        allowance: The rate-limit class that the call counts as.
        decision: The state of its window after the call; None without a known key.
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
        """About how many bytes it takes in memory."""
        bodies = [body.text for body in (self.request_body, self.response_body) if body is not None]
        headers = [text for pair in (*self.request_headers, *self.response_headers) for text in pair]
        return sum(map(sys.getsizeof, (*bodies, *headers, self.target)))

    def texts(self) -> Iterable[str]:
        """Return what a search looks at."""
        bodies = (body.text for body in (self.request_body, self.response_body) if body is not None)
        return (self.target, *bodies)


class Exchanges:
    """The newest exchanges by the number of their call, at most `KEPT` of them and `TOGETHER` bytes."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Exchange, int]] = {}
        self._size = 0

    def get(self, number: int) -> Exchange | None:
        """Return the exchange of a call, or None if it is no longer kept."""
        found = self._kept.get(number)
        return None if found is None else found[0]

    def add(self, number: int, exchange: Exchange) -> None:
        """Keep an exchange, and drop the oldest ones that are beyond the bounds."""
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
    """Return what is kept of a call. Waits for nothing: a body that has not arrived is not kept."""
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
