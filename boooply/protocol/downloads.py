"""A recording that is fetched in pieces: which link, what to ask for next, and where what comes belongs."""

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
# what is sent is what is asked for: in an encoded body a range would count other bytes
_PLAIN: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}
_WHOLE, _PART, _BEYOND = 200, 206, 416
_NO_VIDEO: Final = ("text/", "application/json", "application/xml")  # the page of a proxy, or an error that says 200


@attrs.frozen
class Link:
    """Hold where a recording is fetched; ``key`` is what goes along."""

    url: Secret
    key: Secret | None


@attrs.frozen
class EventStatus:
    """Hold how much has been written; ``tag`` names what it is part of, where the server gave a name to rely on."""

    size: int = 0
    tag: str | None = None
    total: int | None = None  # how much there is, where the server has told

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is missing, as far as that can be told where a body has come to its end."""
        return self.total is None or self.size == self.total


def link_of(recording: Recording, base_url: str, key: Secret) -> Link | None:
    """Choose a link: the stable one, if it is the API's own, since the key goes nowhere else; or the pre-signed one."""
    stable, signed = recording.video_api_url, recording.video_url
    if stable is not None and _origin(stable) is not None and _origin(stable) == _origin(base_url):
        return Link(Secret(stable), key)
    return None if signed is None or _origin(signed.reveal()) is None else Link(signed, None)


def asking(progress: EventStatus) -> dict[str, str]:
    """Give the headers that ask for what is missing, or for all of it where the server has another file by now."""
    if not progress.size or progress.tag is None:
        return _PLAIN
    return _PLAIN | {"Range": f"bytes={progress.size}-", "If-Range": progress.tag}


def begun(progress: EventStatus, status: int, headers: Mapping[str, str]) -> EventStatus | None:
    """Say where the body of an answer goes on, or None where it is no part of a video that fits."""
    if headers.get("Content-Type", "").lower().startswith(_NO_VIDEO):
        return None
    tag = tag_of(headers)
    if status == _WHOLE:
        length = headers.get("Content-Length", "")
        return EventStatus(0, tag, int(length) if _LENGTH.fullmatch(length) else None)
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    if status != _PART or match is None or int(match[1]) != progress.size or tag not in {None, progress.tag}:
        return None
    return attrs.evolve(progress, total=int(match[2]) if match[2] else None)


def is_misfit(status: int) -> bool:
    """Tell whether an answer that does not fit is about the part that was asked for: then all of it is fetched anew."""
    return status in {_PART, _BEYOND}


def is_complete(progress: EventStatus, status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer says that nothing was missing: the break came after the last byte."""
    return status == _BEYOND and headers.get("Content-Range") == f"bytes */{progress.size}"


def tag_of(headers: Mapping[str, str]) -> str | None:
    """Read the name of what the answer is part of; a weak one promises no equal bytes."""
    tag = headers.get("ETag")
    return None if tag is None or tag.startswith("W/") else tag


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Give what a key belongs to, or None where a text is no address on the web."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.scheme in {"http", "https"} and parts.hostname else None
