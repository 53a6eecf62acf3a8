"""What arrives over HTTP: the body of a webhook, and the log lines of requests without their secrets."""

import logging

from fastapi import Request
from starlette.requests import ClientDisconnect

from boooply.errors import InvalidSignatureError, MalformedEventError
from boooply.secret import hide_locals, redact
from boooply.webhooks.webhook import LARGEST_BODY, SIGNATURE


@hide_locals
async def body_of(request: Request) -> bytes:
    """Read the body of a webhook.

    Raises:
        InvalidSignatureError: The signature is missing.
        MalformedEventError: The body is too large or incomplete.
    """
    if SIGNATURE not in request.headers:
        raise InvalidSignatureError(f"the header {SIGNATURE} is missing")  # without reading the body
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_BODY:
                raise MalformedEventError(f"the body is larger than {LARGEST_BODY:,} bytes")
    except ClientDisconnect:
        raise MalformedEventError("the sender closed the connection before the end of the body") from None
    return bytes(body)


class RedactingFilter(logging.Filter):
    """A log filter that masks keys and join tokens in uvicorn's access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the arguments of a line, and let it pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(redact(one) if isinstance(one, str) else one for one in record.args)
        return True
