"""Recordings, their links and their videos.

`videoApiUrl` is the URL of the recording call. `videoUrl` is a pre-signed URL with another host name than the API, like
the vendor's file store: it rejects a request with a key, so that tests find clients that send one.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from attrs import field, frozen

from boooply.sandbox.records import Interview
from boooply.sandbox.transcripts import duration_seconds
from boooply.sandbox.wire import SandboxError, forbidden, iso, malformed

__all__ = ["STORAGE", "Piece", "Video", "check_signature", "recording", "slice_video", "video_of"]

STORAGE = "/_storage/"
SIGNED_FOR = timedelta(days=7)
SIGNED_AT = "%Y%m%dT%H%M%SZ"
"""The format of `X-Amz-Date`. The link expires `X-Amz-Expires` seconds later."""

RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
FTYP = bytes.fromhex("0000001c667479706d703432") + b"\0\0\0\0mp42isom\0\0\0\0"
"""The first box of an MP4 file, by which programs recognize a video."""

BODY_BLOCKS = 128


@frozen
class Video:
    """A fake video, with an entity tag of its bytes."""

    content: bytes = field(repr=False)

    @property
    def etag(self) -> str:
        """The entity tag in quotes, as in the header."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


def video_of(interview: Interview) -> Video:
    """Return an interview's video: 4 kB that are unique to the interview.

    Raises:
        SandboxError: 404 if nothing was recorded.
    """
    if not interview.has_video:
        raise SandboxError(404, "RECORDING_NOT_FOUND", "the interview has no recording")
    blocks = (hashlib.sha256(f"{interview.id} {number}".encode()).digest() for number in range(BODY_BLOCKS))
    return Video(FTYP + b"".join(blocks))


@frozen(kw_only=True)
class Piece:
    """The requested part of a video."""

    status: int
    content: bytes
    content_range: str | None = None


def slice_video(video: Video, wanted: str | None, if_range: str | None) -> Piece:
    """Return the part that a Range header names, or the whole video.

    The header is ignored if it is not a single byte range, or if If-Range names other bytes.
    """
    match = RANGE.fullmatch(wanted or "")
    size = len(video.content)
    if match is None or match[0] == "bytes=-" or if_range not in {None, video.etag}:
        return Piece(status=200, content=video.content)
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or start >= end:
        return Piece(status=416, content=b"", content_range=f"bytes */{size}")
    return Piece(status=206, content=video.content[start:end], content_range=f"bytes {start}-{end - 1}/{size}")


def recording(interview: Interview, base_url: str, secret: bytes, now: datetime) -> dict[str, Any] | None:
    """Return the recording with a new pre-signed link; None if nothing was recorded."""
    if not interview.has_video:
        return None
    date, seconds = now.strftime(SIGNED_AT), str(int(SIGNED_FOR.total_seconds()))
    signature = _signature(secret, interview.code, date, seconds)
    query = urlencode({"X-Amz-Date": date, "X-Amz-Expires": seconds, "X-Amz-Signature": signature})
    storage = base_url.replace("127.0.0.1", "localhost")
    return {
        "duration": duration_seconds(interview),
        "format": "mp4",
        "createdAt": iso(interview.ended_at),
        "videoUrl": f"{storage}{STORAGE}{interview.code}.mp4?{query}",
        "videoApiUrl": f"{base_url}/api/integration/interviews/{interview.code}/recording",
    }


def _signature(secret: bytes, *signed: str) -> str:
    return hmac.new(secret, "\n".join(signed).encode(), hashlib.sha256).hexdigest()


def check_signature(secret: bytes, code: str, query: Mapping[str, str], now: datetime, *, has_key: bool) -> None:
    """Check that a pre-signed link is unchanged, has not expired, and is used without a key.

    Raises:
        SandboxError: 400 for a request with an Authorization header, as in S3; otherwise 403.
    """
    if has_key:
        raise malformed("only one way to authenticate is allowed: remove the Authorization header", "INVALID_ARGUMENT")
    date, seconds, presented = (query.get(f"X-Amz-{name}", "") for name in ("Date", "Expires", "Signature"))
    # as bytes: compare_digest raises TypeError for text that is not ASCII
    if not hmac.compare_digest(_signature(secret, code, date, seconds).encode(), presented.encode(errors="replace")):
        raise forbidden("the signature does not match", "SIGNATURE_DOES_NOT_MATCH")
    if now >= datetime.strptime(date, SIGNED_AT).replace(tzinfo=UTC) + timedelta(seconds=int(seconds)):
        raise forbidden("the link has expired", "LINK_EXPIRED")
