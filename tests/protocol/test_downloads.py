"""What is requested after a break, and which responses continue the download."""

import pytest

from boooply import Secret
from boooply.models import Recording
from boooply.protocol.downloads import (
    Progress,
    is_complete,
    is_framed,
    is_last,
    link_of,
    must_restart,
    range_headers,
    start_of_body,
    strong_etag,
)

KEY = Secret("bply_org_0123456789abcdef")
BROKEN = Progress(100, '"one"', 200)
PLAIN = {"Accept": "*/*", "Accept-Encoding": "identity"}


@pytest.mark.parametrize(
    ("progress", "headers"),
    [
        (Progress(), {}),
        (Progress(0, '"one"'), {}),
        (Progress(100), {}),  # without a name, the rest could be that of another file
        (BROKEN, {"Range": "bytes=100-", "If-Range": '"one"'}),
    ],
)
def test_the_missing_bytes_are_requested_if_the_file_can_be_identified(progress, headers):
    assert range_headers(progress) == PLAIN | headers


@pytest.mark.parametrize(
    ("status", "headers", "progress"),
    [
        (200, {}, Progress()),
        (200, {"Content-Length": "300", "ETag": '"two"'}, Progress(0, '"two"', 300)),
        (200, {"Content-Length": "many"}, Progress()),
        (206, {"Content-Range": "bytes 100-199/200"}, BROKEN),
        (206, {"Content-Range": "bytes 100-149/200", "ETag": '"one"'}, BROKEN),
        (206, {"Content-Range": "bytes 100-199/*"}, BROKEN),
        (206, {"Content-Range": "bytes 100-299/300"}, None),  # of the same name, and yet another size
        (206, {"Content-Range": "bytes 100-199/200", "ETag": '"two"'}, None),
        (206, {"Content-Range": "bytes 0-199/200"}, None),
        (206, {"Content-Range": "bytes 100-199"}, None),
        (206, {}, None),
        (404, {}, None),
        (200, {"Content-Type": "Text/HTML; charset=utf-8"}, None),
    ],
)
def test_a_part_belongs_where_its_range_says_and_nowhere_else(status, headers, progress):
    assert start_of_body(BROKEN, status, headers) == progress


def test_progress_is_whole_if_no_byte_is_known_to_be_missing():
    assert not BROKEN.is_whole
    assert Progress(200, None, 200).is_whole
    assert Progress(100).is_whole
    assert [status for status in (200, 206, 404, 416, 503) if must_restart(status)] == [206, 416]


def test_a_break_after_the_last_byte_has_lost_nothing():
    assert is_complete(Progress(100, '"one"'), 416, {"Content-Range": "bytes */100"})
    assert is_complete(Progress(100, '"one"', 100), 416, {"Content-Range": "bytes */100"})
    assert not is_complete(BROKEN, 416, {"Content-Range": "bytes */100"})  # it was 200 before
    assert not is_complete(BROKEN, 416, {"Content-Range": "bytes */200"})
    assert not is_complete(BROKEN, 200, {"Content-Range": "bytes */100"})


def test_the_last_body_is_a_whole_one_or_brings_the_last_byte():
    assert is_last(Progress(100), 200)
    assert not is_last(Progress(100), 206)
    assert is_last(Progress(100, None, 100), 206)
    assert not is_last(BROKEN, 206)
    assert not is_last(BROKEN, 200)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Length": "0"}, True),
        ({"Transfer-Encoding": "chunked"}, True),
        ({"Transfer-Encoding": "gzip, Chunked"}, True),
        ({"Transfer-Encoding": "gzip"}, False),
        ({}, False),
    ],
)
def test_the_end_of_a_body_can_be_seen_by_its_length_or_in_chunks(headers, expected):
    assert is_framed(headers) is expected


def test_a_weak_etag_is_ignored():
    assert strong_etag({"ETag": '"one"'}) == '"one"'
    assert strong_etag({"ETag": 'W/"one"'}) is None
    assert strong_etag({}) is None


@pytest.mark.parametrize(
    ("stable", "signed", "url", "key"),
    [
        ("https://api.example/v", "https://s3.example/v", "https://api.example/v", KEY),
        ("https://api.example:8443/v", "https://s3.example/v", "https://s3.example/v", None),
        ("http://api.example/v", "https://s3.example/v", "https://s3.example/v", None),
        ("https://api.example.evil/v", "https://s3.example/v", "https://s3.example/v", None),
        (None, "https://s3.example/v", "https://s3.example/v", None),
        ("https://api.example:abc/v", "https://s3.example/v", "https://s3.example/v", None),
        ("https://[api/v", "https://s3.example/v", "https://s3.example/v", None),
    ],
)
def test_the_key_goes_to_the_apis_own_host_alone(stable, signed, url, key):
    link = link_of(Recording(video_api_url=stable, video_url=Secret(signed)), "https://api.example", KEY)
    assert link is not None
    assert (link.url.reveal(), link.key) == (url, key)


def test_a_recording_can_be_without_a_link():
    assert link_of(Recording(), "https://api.example", KEY) is None
    for broken in ("https://[bad/x", "ftp://s3.example/v", "https:///v", "v"):
        assert link_of(Recording(video_url=Secret(broken)), "https://api.example", KEY) is None
        assert link_of(Recording(video_api_url=broken), broken, KEY) is None
