"""HTTP at its plainest: reading JSON bodies and writing the contract's two body forms."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from aiohttp import web

from boooply.sandbox.checks import is_object
from boooply.sandbox.errors import SandboxError, malformed
from boooply.sandbox.printing import printed
from boooply.sandbox.recordings import Video, cut

__all__ = [
    "Answering",
    "ErrorResponse",
    "bearer",
    "failed",
    "in_json_form",
    "rate_limited",
    "read_object",
    "success",
    "video",
]

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS_CODES = {404: "ROUTE_NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE"}

logger: logging.Logger = logging.getLogger("boooply.sandbox")


def success(payload: Mapping[str, Any], status: int = 200) -> web.Response:
    """Write a success body."""
    return web.Response(status=status, text=printed({"success": True, **payload}), content_type="application/json")


class ErrorResponse(web.Response):
    """Write an error body, and keep its machine code for the record of calls."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        body = {"success": False, "error": message, "code": code}
        super().__init__(status=status, text=printed(body), content_type="application/json", headers=headers)
        self.code = code


def rate_limited() -> ErrorResponse:
    """Refuse a call for which its window has no room."""
    return ErrorResponse(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded")


def failed() -> ErrorResponse:
    """Say that it is the server's fault."""
    return ErrorResponse(500, "INTERNAL_ERROR", "Internal server error")


def video(request: web.Request, found: Video) -> web.Response:
    """Write a video, or the part of it that the request's Range asks for."""
    piece = cut(found, request.headers.get("Range"), request.headers.get("If-Range"))
    headers = {"Accept-Ranges": "bytes", "ETag": found.etag}
    if piece.content_range is not None:
        headers["Content-Range"] = piece.content_range
    return web.Response(status=piece.status, body=piece.content, content_type="video/mp4", headers=headers)


async def in_json_form(answering: Answering, request: web.Request) -> web.StreamResponse:
    """Answer a request, and put whatever goes wrong into the error form."""
    try:
        return await answering(request)
    except SandboxError as refused:
        return ErrorResponse(refused.status, refused.code, refused.message)
    except web.HTTPException as wrong:
        allow = {name: value for name, value in wrong.headers.items() if name == "Allow"}
        return ErrorResponse(wrong.status, STATUS_CODES.get(wrong.status, "BAD_REQUEST"), wrong.reason, allow)
    except Exception:
        logger.exception("%s %s failed inside the sandbox", request.method, request.path)
        return failed()


def bearer(request: web.Request) -> str | None:
    """Return the key that a request presents, or None."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


async def read_object(request: web.Request) -> Mapping[str, Any]:
    """Read a JSON object; no body at all reads as an empty one.

    Raises:
        Refused: 400 where the body is something else, or does not call itself JSON.
    """
    raw = await request.read()
    if not raw:
        return {}
    if request.content_type != "application/json":
        raise malformed("the body must come with Content-Type: application/json", "INVALID_CONTENT_TYPE")
    try:
        body: Any = json.loads(raw.decode(), parse_constant=_no_json)
        # An escaped half of a surrogate pair reads well and can never be written again.
        printed(body).encode()
    except (ValueError, RecursionError):
        # Without the cause: its text quotes the body.
        raise malformed("the body is not JSON", "INVALID_JSON") from None
    if not is_object(body):
        raise malformed("the body must be a JSON object", "INVALID_JSON")
    return body
