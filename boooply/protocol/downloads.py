"""The download of a recording in parts: the link, the next range to request, and the place of each response."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import attrs

from boooply.models import Recording
from boooply.secret import Secret

OPERATION: Final = "interviews.download_recording"

_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/(?:([0-9]{1,15})|\*)")
_LENGTH: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
# no encoding, because a range of an encoded body would count the encoded bytes
_PLAIN: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}
_WHOLE, _PART, _OUT_OF_RANGE = 200, 206, 416
_NO_VIDEO: Final = (
    "text/",
    "application/json",
    "application/xml",
)  # the HTML page of a proxy, or an error with status 200
_REFUSED: Final = frozenset({400, 401, 403, 410})  # responses of file stores to an expired pre-signed link


@attrs.frozen
class Progress:
    """The progress of a download: the bytes written so far, and the strong ETag of their file, if it has one."""

    size: int = 0
    tag: str | None = None
    total: int | None = None  # the size of the whole file, if the server has sent it

    @property
    def is_whole(self) -> bool:
        """Whether no byte is known to be missing."""
        return self.total is None or self.size == self.total


def link_of(recording: Recording | None) -> Secret | None:
    """Return the pre-signed link to a video, or None if there is no http or https link."""
    signed = None if recording is None else recording.video_url
    return signed if signed is not None and _is_on_the_web(signed.reveal()) else None


def is_refused(status: int) -> bool:
    """Return whether a pre-signed link may have expired, so that a fresh link may work."""
    return status in _REFUSED


def range_headers(progress: Progress) -> dict[str, str]:
    """Return the headers that request the missing bytes, or the whole file if it has changed.

    The ETag identifies a file, or its size if there is no ETag.
    """
    if not progress.size or (progress.tag is None and progress.total is None):
        return _PLAIN
    missing = _PLAIN | {"Range": f"bytes={progress.size}-"}
    return missing if progress.tag is None else missing | {"If-Range": progress.tag}


def start_of_body(progress: Progress, status: int, headers: Mapping[str, str]) -> Progress | None:
    """Return the progress at which a response's body continues, or None if it is not a part of the same video."""
    if headers.get("Content-Type", "").lower().startswith(_NO_VIDEO):
        return None
    tag = strong_etag(headers)
    if status == _WHOLE:
        length = headers.get("Content-Length", "")
        return Progress(0, tag, int(length) if _LENGTH.fullmatch(length) else None)
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    if status != _PART or match is None or int(match[1]) != progress.size or tag not in {None, progress.tag}:
        return None
    if progress.tag is None and match[2] is None:
        return None  # nothing identifies the file
    total = int(match[2]) if match[2] else progress.total
    return attrs.evolve(progress, total=total) if progress.total in {None, total} else None


def is_framed(headers: Mapping[str, str]) -> bool:
    """Return whether the end of a body can be distinguished from a broken connection."""
    return "Content-Length" in headers or headers.get("Transfer-Encoding", "").lower().endswith("chunked")


def must_restart(status: int) -> bool:
    """Return whether an unusable response concerns the requested range, so that the download must start again."""
    return status in {_PART, _OUT_OF_RANGE}


def is_complete(progress: Progress, status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a response says that no byte is missing, because the connection broke after the last byte."""
    is_all = headers.get("Content-Range") == f"bytes */{progress.size}"
    return status == _OUT_OF_RANGE and is_all and progress.is_whole


def is_last(progress: Progress, status: int) -> bool:
    """Return whether a body that was read completely ends the file. A part of unknown total size does not show this."""
    return progress.is_whole and (progress.total is not None or status == _WHOLE)


def strong_etag(headers: Mapping[str, str]) -> str | None:
    """Return the ETag of a response, or None if it is weak, because a weak ETag does not promise equal bytes."""
    tag = headers.get("ETag")
    return None if tag is None or tag.startswith("W/") else tag


def _is_on_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises if the port is invalid
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
