"""The API's HTTP bodies: JSON requests, and responses with success, error or video."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from aiohttp import web

from boooply.sandbox.checks import is_object
from boooply.sandbox.recordings import Video, slice_video
from boooply.sandbox.wire import SandboxError, malformed, to_json

__all__ = [
    "ErrorResponse",
    "Respond",
    "bearer",
    "internal_error",
    "rate_limited",
    "read_object",
    "respond_in_json",
    "success",
    "video_response",
]

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS_CODES = {404: "ROUTE_NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE"}

logger: logging.Logger = logging.getLogger("boooply.sandbox")


def success(payload: Mapping[str, Any], status: int = 200) -> web.Response:
    """Build a success response with `success`, which the vendor's tests expect even of a transcript."""
    return web.Response(status=status, text=to_json({"success": True, **payload}), content_type="application/json")


class ErrorResponse(web.Response):
    """An error response with its machine-readable code, for the record of calls."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        body = {"success": False, "error": message, "code": code}
        super().__init__(status=status, text=to_json(body), content_type="application/json", headers=headers)
        self.code = code


def rate_limited() -> ErrorResponse:
    """Build the response to a call over the rate limit."""
    return ErrorResponse(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded")


def internal_error() -> ErrorResponse:
    """Build the response to a call that fails inside the server."""
    return ErrorResponse(500, "INTERNAL_ERROR", "Internal server error")


def video_response(request: web.Request, video: Video) -> web.Response:
    """Build a response with a video, or with the part that the Range header names."""
    piece = slice_video(video, request.headers.get("Range"), request.headers.get("If-Range"))
    headers = {"Accept-Ranges": "bytes", "ETag": video.etag}
    if piece.content_range is not None:
        headers["Content-Range"] = piece.content_range
    return web.Response(status=piece.status, body=piece.content, content_type="video/mp4", headers=headers)


async def respond_in_json(respond: Respond, request: web.Request) -> web.StreamResponse:
    """Respond to a request, and turn exceptions into error responses."""
    try:
        return await respond(request)
    except SandboxError as error:
        return ErrorResponse(error.status, error.code, error.message)
    except web.HTTPException as error:
        allow = {name: value for name, value in error.headers.items() if name == "Allow"}
        return ErrorResponse(error.status, STATUS_CODES.get(error.status, "BAD_REQUEST"), error.reason, allow)
    except Exception:
        logger.exception("%s %s failed inside the sandbox", request.method, request.path)
        return internal_error()


def bearer(request: web.Request) -> str | None:
    """Return the key of a request, or None."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


async def read_object(request: web.Request) -> Mapping[str, Any]:
    """Read a JSON object; a missing body is an empty object.

    Raises:
        SandboxError: 400 if the body or its Content-Type is different.
    """
    raw = await request.read()
    if not raw:
        return {}
    if request.content_type != "application/json":
        raise malformed("a body must have Content-Type: application/json", "INVALID_CONTENT_TYPE")
    try:
        body: Any = json.loads(raw.decode(), parse_constant=_reject_constant)
        # an escaped half of a surrogate pair can be read but not written
        to_json(body).encode()
    except (ValueError, RecursionError):
        # without the cause, which quotes the body
        raise malformed("the body is not JSON", "INVALID_JSON") from None
    if not is_object(body):
        raise malformed("the body must be a JSON object", "INVALID_JSON")
    return body
