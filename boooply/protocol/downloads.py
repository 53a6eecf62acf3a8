"""The download of a recording in parts: which link, what to request next, and where the response belongs."""

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
# without an encoding: a range of an encoded body would count other bytes
_PLAIN: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}
_WHOLE, _PART, _OUT_OF_RANGE = 200, 206, 416
_NO_VIDEO: Final = ("text/", "application/json", "application/xml")  # the page of a proxy, or an error with status 200


@attrs.frozen
class Link:
    """The address of a recording, and the key to send there, if any."""

    url: Secret
    key: Secret | None


@attrs.frozen
class Progress:
    """The number of bytes written so far; ``tag`` is the strong ETag of the file they belong to, if it has one."""

    size: int = 0
    tag: str | None = None
    total: int | None = None  # the size of the whole file, if the server has sent it

    @property
    def is_whole(self) -> bool:
        """Whether no byte is known to be missing."""
        return self.total is None or self.size == self.total


def link_of(recording: Recording, base_url: str, key: Secret) -> Link | None:
    """Choose the stable link if it is on the API's own host, which alone receives the key, else the pre-signed one."""
    stable, signed = recording.video_api_url, recording.video_url
    if stable is not None and _origin(stable) is not None and _origin(stable) == _origin(base_url):
        return Link(Secret(stable), key)
    return None if signed is None or _origin(signed.reveal()) is None else Link(signed, None)


def range_headers(progress: Progress) -> dict[str, str]:
    """Return the headers that request the missing bytes, or the whole file if it is another one by now."""
    if not progress.size or progress.tag is None:
        return _PLAIN
    return _PLAIN | {"Range": f"bytes={progress.size}-", "If-Range": progress.tag}


def start_of_body(progress: Progress, status: int, headers: Mapping[str, str]) -> Progress | None:
    """Return the progress at which a response's body continues, or None if it is no part of the same video."""
    if headers.get("Content-Type", "").lower().startswith(_NO_VIDEO):
        return None
    tag = strong_etag(headers)
    if status == _WHOLE:
        length = headers.get("Content-Length", "")
        return Progress(0, tag, int(length) if _LENGTH.fullmatch(length) else None)
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    if status != _PART or match is None or int(match[1]) != progress.size or tag not in {None, progress.tag}:
        return None
    total = int(match[2]) if match[2] else progress.total
    return attrs.evolve(progress, total=total) if progress.total in {None, total} else None


def is_framed(headers: Mapping[str, str]) -> bool:
    """Return whether the end of a body differs from a broken connection."""
    return "Content-Length" in headers or headers.get("Transfer-Encoding", "").lower().endswith("chunked")


def must_restart(status: int) -> bool:
    """Return whether an unusable response is about the requested range, so that the whole file must be requested."""
    return status in {_PART, _OUT_OF_RANGE}


def is_complete(progress: Progress, status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a response says that no byte was missing: the connection broke after the last one."""
    is_all = headers.get("Content-Range") == f"bytes */{progress.size}"
    return status == _OUT_OF_RANGE and is_all and progress.is_whole


def is_last(progress: Progress, status: int) -> bool:
    """Return whether a body that was read to its end is the last one; a part alone does not say so."""
    return progress.is_whole and (progress.total is not None or status == _WHOLE)


def strong_etag(headers: Mapping[str, str]) -> str | None:
    """Return the ETag of a response, unless it is a weak one, which does not promise equal bytes."""
    tag = headers.get("ETag")
    return None if tag is None or tag.startswith("W/") else tag


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Return the scheme, host and port of an address on the web, or None for any other text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.scheme in {"http", "https"} and parts.hostname else None
