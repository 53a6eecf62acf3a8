"""A recording that is fetched in pieces: which link, what to ask for next, and where what comes belongs."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import attrs

from boooply.models import Recording
from boooply.secret import Secret

OPERATION: Final = "interviews.download_recording"

_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/(?:[0-9]{1,15}|\*)")
_WHOLE, _PART, _BEYOND = 200, 206, 416
_NO_VIDEO: Final = ("text/", "application/json", "application/xml")  # the page of a proxy, or an error that says 200


@attrs.frozen
class Link:
    """Hold where a recording is fetched; ``key`` is what goes along."""

    url: Secret
    key: Secret | None


@attrs.frozen
class Progress:
    """Hold how much has been written; ``tag`` names what it is part of, where the server gave a name to rely on."""

    size: int = 0
    tag: str | None = None


def link_of(recording: Recording, base_url: str, key: Secret) -> Link | None:
    """Choose a link: the stable one, if it is the API's own, since the key goes nowhere else; or the pre-signed one."""
    stable = recording.video_api_url
    if stable is not None and _origin(stable) == _origin(base_url):
        return Link(Secret(stable), key)
    return None if recording.video_url is None else Link(recording.video_url, None)


def asking(progress: Progress) -> dict[str, str]:
    """Give the headers that ask for what is missing, or for all of it where the server has another file by now."""
    if not progress.size or progress.tag is None:
        return {}
    return {"Range": f"bytes={progress.size}-", "If-Range": progress.tag}


def place_of(progress: Progress, status: int, headers: Mapping[str, str]) -> int | None:
    """Say at which byte the body of an answer belongs, or None where it is no part of a video that fits."""
    if headers.get("Content-Type", "").lower().startswith(_NO_VIDEO):
        return None
    if status == _WHOLE:
        return 0
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    return progress.size if status == _PART and match is not None and int(match[1]) == progress.size else None


def is_complete(progress: Progress, status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer says that nothing was missing: the break came after the last byte."""
    return status == _BEYOND and headers.get("Content-Range") == f"bytes */{progress.size}"


def tag_of(headers: Mapping[str, str]) -> str | None:
    """Read the name of what the answer is part of; a weak one promises no equal bytes."""
    tag = headers.get("ETag")
    return None if tag is None or tag.startswith("W/") else tag


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
