"""What is requested after a break, and which responses continue the download."""

import pytest

from boooply import Secret
from boooply.models import Recording
from boooply.protocol.downloads import (
    Progress,
    is_complete,
    is_framed,
    is_last,
    is_refused,
    link_of,
    must_restart,
    range_headers,
    start_of_body,
    strong_etag,
)

BROKEN = Progress(100, '"one"', 200)
PLAIN = {"Accept": "*/*", "Accept-Encoding": "identity"}


@pytest.mark.parametrize(
    ("progress", "headers"),
    [
        (Progress(), {}),
        (Progress(0, '"one"'), {}),
        (Progress(100), {}),  # without a name or a size, the rest could be that of another file
        (Progress(100, None, 200), {"Range": "bytes=100-"}),
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


def test_the_size_of_a_file_with_a_name_may_come_with_a_later_part():
    headers = {"Content-Range": "bytes 100-199/200"}
    assert start_of_body(Progress(100, '"one"'), 206, headers) == BROKEN


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
    ("headers", "progress"),
    [
        ({"Content-Range": "bytes 100-199/200"}, Progress(100, None, 200)),
        ({"Content-Range": "bytes 100-298/299"}, None),
        ({"Content-Range": "bytes 100-199/*"}, None),
        ({"Content-Range": "bytes 100-199/200", "ETag": '"one"'}, None),
    ],
)
def test_a_file_without_a_name_is_known_by_its_size(headers, progress):
    assert start_of_body(Progress(100, None, 200), 206, headers) == progress


def test_the_link_is_the_pre_signed_one():
    signed = Secret("https://s3.example:8443/v?X-Amz-Signature=0")
    assert link_of(Recording(video_api_url="https://api.example/recording", video_url=signed)) == signed


@pytest.mark.parametrize(
    "broken", ["https://[bad/x", "https://s3.example:abc/v", "ftp://s3.example/v", "https:///v", "v"]
)
def test_a_recording_can_be_without_a_link(broken):
    assert link_of(Recording(video_url=Secret(broken))) is None
    assert link_of(Recording(video_api_url="https://api.example/recording")) is None
    assert link_of(None) is None


def test_a_link_that_is_refused_may_have_expired():
    assert [status for status in (200, 400, 401, 403, 404, 410, 416, 429, 503) if is_refused(status)] == [
        400,
        401,
        403,
        410,
    ]
