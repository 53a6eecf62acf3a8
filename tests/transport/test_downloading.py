"""A recording is downloaded completely, whatever breaks the connection, and the key is sent to nobody else."""

import asyncio
import resource
import stat
import traceback

import pytest

from boooply import (
    AIInterview,
    APIConnectionError,
    AsyncBoooplyClient,
    Candidate,
    DecodingError,
    NotFoundError,
    PermissionDeniedError,
    RateLimits,
    RetryPolicy,
    ServerError,
)
from boooply.client import transport_of
from boooply.protocol.messages import RateLimitClass
from boooply.transport.local_limiter import LocalLimiter

OPERATION = "interviews.download_recording"
KEY = "bply_org_0123456789abcdef"


@pytest.fixture
async def recorded(sandbox, client):
    request = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
    interview = await client.interviews.create(request)
    sandbox.play(interview.meeting_code)
    return interview.meeting_code


async def test_a_recording_is_complete_and_readable_by_its_owner_only(face, recorded, tmp_path):
    file = tmp_path / "interview.mp4"
    file.write_bytes(b"an older one")
    recording = await face.do(face.client.interviews.download_recording, recorded, file)
    assert recording.format == "mp4"
    assert file.read_bytes()[4:8] == b"ftyp"
    assert len(file.read_bytes()) == 28 + 4096
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["interview.mp4"]


async def test_there_is_none_before_the_interview_was_held(client, tmp_path):
    request = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
    code = (await client.interviews.create(request)).meeting_code
    assert await client.interviews.download_recording(code, tmp_path / "none.mp4") is None
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("fault", ["drop-midway", "reset-before", "500", "503", "429-bare", "stale"])
async def test_a_download_continues_after_a_fault(sandbox, recorded, tmp_path, fault):
    whole, file = tmp_path / "whole.mp4", tmp_path / "interview.mp4"
    async with AsyncBoooplyClient(
        api_key=sandbox.api_key,
        base_url=sandbox.base_url,
        retry=RetryPolicy(backoff=0.01),
        rate_limits=RateLimits(window=0.2),
    ) as client:
        await client.interviews.download_recording(recorded, whole)
        sandbox.faults.add(OPERATION, fault)
        await asyncio.wait_for(client.interviews.download_recording(recorded, file), 90)
    assert file.read_bytes() == whole.read_bytes()


async def test_only_the_rest_is_asked_for_after_a_break(storage, tmp_path):
    storage.breaks = [100_000, 700_000]
    await storage.download(tmp_path / "interview.mp4")
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole
    starts = [int((asked or "bytes=0-").removeprefix("bytes=").rstrip("-")) for asked in storage.ranges]
    assert starts[0] == 0
    assert 0 < starts[1] <= 100_000
    assert starts[1] < starts[2] <= 700_000


async def test_another_video_in_the_meantime_is_fetched_from_its_start(storage, tmp_path):
    storage.breaks = [600_000]
    storage.videos = [("first", storage.whole), ("second", b"a shorter one")]
    await storage.download(tmp_path / "interview.mp4")
    assert (tmp_path / "interview.mp4").read_bytes() == b"a shorter one"


async def test_breaks_after_progress_do_not_count_as_attempts(storage, tmp_path):
    storage.breaks = [100_000 * number for number in range(1, 8)]
    await storage.download(tmp_path / "interview.mp4", attempts=1)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole


async def test_a_part_that_is_shorter_than_asked_is_not_the_end(storage, tmp_path):
    storage.breaks, storage.longest_part = [300_000], 100_000
    await storage.download(tmp_path / "interview.mp4", attempts=1)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole


async def test_a_part_of_another_video_is_not_taken(storage, tmp_path):
    storage.breaks, storage.heeds_if_range = [300_000], False
    storage.videos = [("first", storage.whole), ("second", storage.whole[::-1])]
    await storage.download(tmp_path / "interview.mp4")
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole[::-1]


async def test_an_error_between_two_parts_loses_nothing(storage, tmp_path):
    storage.breaks, storage.fails = [300_000], {2: 503, 3: 429}
    await storage.download(tmp_path / "interview.mp4", attempts=3)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole
    assert storage.ranges[0] is None
    assert len({*storage.ranges[1:]}) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_download_pauses_for_as_long_as_an_error_names_but_an_hour_at_most(
    storage, tmp_path, monkeypatch, caplog, status
):
    pauses, sleep = [], asyncio.sleep

    async def shorter(seconds: float) -> None:
        if seconds > 60:
            pauses.append(seconds)
        await sleep(min(seconds, 1))

    caplog.set_level("INFO", "boooply")
    storage.fails, storage.retry_after = {1: status, 2: status}, ["86400", "1800"]
    monkeypatch.setattr("boooply.transport.downloading.asyncio.sleep", shorter)
    await storage.download(tmp_path / "interview.mp4", attempts=3)
    assert pauses == [3600, 1800]
    assert [message.partition("; ")[2] for message in caplog.messages if message.startswith(OPERATION)] == [
        "continues in 3600.0 s",
        "continues in 1800.0 s",
    ]


async def test_a_storage_that_changes_at_each_break_is_given_up(storage, tmp_path):
    storage.breaks = [300_000] * 50
    storage.videos = [(f"number {number}", storage.whole) for number in range(50)]
    with pytest.raises(APIConnectionError):
        await storage.download(tmp_path / "interview.mp4", attempts=3)
    assert len(storage.ranges) == 4


async def test_breaks_that_bring_something_leave_the_budget_to_others(storage, tmp_path):
    storage.breaks = [50_000 * number for number in range(1, 25)]
    here = f"http://127.0.0.1:{storage.port}"
    async with AsyncBoooplyClient(api_key=KEY, base_url=here, retry=RetryPolicy(backoff=0)) as client:
        await client.interviews.download_recording("Boooply-AI-1", tmp_path / "interview.mp4")
        assert transport_of(client).pool.budget.spend()


async def test_the_file_store_does_not_count_against_the_limits(storage, tmp_path):
    storage.breaks = [300_000, 600_000, 900_000]
    here, limits = f"http://127.0.0.1:{storage.port}", RateLimits(reads=3, window=60)
    async with AsyncBoooplyClient(
        api_key=KEY, base_url=here, rate_limits=limits, retry=RetryPolicy(backoff=0.01)
    ) as client:
        await client.interviews.download_recording("Boooply-AI-1", tmp_path / "interview.mp4")
        assert client.rate_limits[RateLimitClass.READS].remaining == 2
        limiter = transport_of(client).pool.limiter(transport_of(client).key, RateLimitClass.READS)
        assert isinstance(limiter, LocalLimiter)
        assert limiter._limiter.in_flight == 0
    assert len(storage.ranges) == 4


async def test_what_is_asked_for_is_the_bytes_as_they_are(storage, tmp_path):
    await storage.download(tmp_path / "interview.mp4")
    assert storage.accepted == [("*/*", "identity")]


async def test_a_storage_that_is_not_there_is_not_called_the_api(storage, tmp_path):
    storage.links = "nowhere"
    with pytest.raises(APIConnectionError, match="the server of the video cannot be reached"):
        await storage.download(tmp_path / "interview.mp4", attempts=1)


async def test_a_storage_that_brings_nothing_is_given_up(storage, tmp_path):
    storage.breaks = [0, 0, 0, 0]
    with pytest.raises(APIConnectionError, match="broke"):
        await storage.download(tmp_path / "interview.mp4", attempts=3)
    assert len(storage.ranges) == 3
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("status", "error"), [(403, PermissionDeniedError), (404, NotFoundError), (503, ServerError), (204, DecodingError)]
)
async def test_an_error_of_the_storage_is_raised(storage, tmp_path, status, error):
    storage.status = status
    with pytest.raises(error):
        await storage.download(tmp_path / "interview.mp4", attempts=2)
    assert len(storage.ranges) == (1 if status in {404, 204} else 2)
    assert storage.links_made == (2 if status == 403 else 1)


async def test_an_error_of_the_storage_does_not_repeat_the_link(storage, tmp_path):
    storage.status = 404
    with pytest.raises(NotFoundError) as caught:
        await storage.download(tmp_path / "interview.mp4")
    assert "X-Amz-Signature" not in f"{caught.value} {caught.value.args} {caught.value.code}"


async def test_a_page_is_no_video(storage, tmp_path):
    storage.kind = "text/html"
    with pytest.raises(DecodingError, match="expected a video, found text/html"):
        await storage.download(tmp_path / "interview.mp4")
    assert not [*tmp_path.iterdir()]


async def test_a_key_in_the_content_type_is_masked(storage, tmp_path):
    storage.kind = f"text/{KEY}{'x' * 200}"
    with pytest.raises(DecodingError, match="expected a video, found text/") as caught:
        await storage.download(tmp_path / "interview.mp4")
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("links", ["signed", "own host", "redirect"])
async def test_the_key_is_sent_to_no_file_store(storage, tmp_path, links):
    storage.links = links
    await storage.download(tmp_path / "interview.mp4")
    assert storage.looks_up_keys == [f"Bearer {KEY}"]
    assert {*storage.keys} == {None}


# ---- links that expire


@pytest.mark.parametrize("refuses_with", [400, 401, 403, 410])
async def test_a_link_that_expires_midway_is_looked_up_again(storage, tmp_path, refuses_with):
    storage.lifetime, storage.breaks, storage.refuses_with = 1, [300_000, 700_000], refuses_with
    await storage.download(tmp_path / "interview.mp4", attempts=1)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole
    assert storage.links_made == 3
    assert storage.looks_up_keys == [f"Bearer {KEY}"] * 3
    assert {*storage.keys} == {None}
    starts = [int((asked or "bytes=0-").removeprefix("bytes=").rstrip("-")) for asked in storage.ranges]
    assert starts[0] == 0
    assert 0 < starts[1] == starts[2] < starts[3] == starts[4]


async def test_the_recording_that_is_returned_has_the_latest_link(storage, tmp_path):
    storage.lifetime, storage.breaks = 1, [300_000]
    here = f"http://127.0.0.1:{storage.port}"
    async with AsyncBoooplyClient(api_key=KEY, base_url=here, retry=RetryPolicy(backoff=0)) as client:
        recording = await client.interviews.download_recording("Boooply-AI-1", tmp_path / "interview.mp4")
    assert recording is not None
    assert recording.video_url is not None
    assert recording.video_url.reveal().endswith("X-Amz-Signature=2")
    assert recording.video_api_url == f"{here}/api/integration/interviews/Boooply-AI-1/recording"


async def test_a_link_that_expires_during_a_pause_is_looked_up_again(storage, tmp_path):
    storage.lifetime, storage.fails = 1, {1: 503, 3: 503}
    await storage.download(tmp_path / "interview.mp4", attempts=3)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole
    assert storage.links_made == 3


async def test_a_fresh_link_that_is_refused_too_is_given_up(storage, tmp_path):
    storage.status = 403
    with pytest.raises(PermissionDeniedError, match="download_recording: HTTP 403"):
        await storage.download(tmp_path / "interview.mp4")
    assert storage.links_made == 2
    assert not [*tmp_path.iterdir()]


async def test_a_recording_that_is_gone_once_its_link_expires_is_given_up(storage, tmp_path):
    storage.lifetime, storage.breaks, storage.without_video = 1, [300_000], {2}
    with pytest.raises(PermissionDeniedError):
        await storage.download(tmp_path / "interview.mp4")
    assert storage.links_made == 2
    assert not [*tmp_path.iterdir()]


async def test_a_file_without_an_etag_is_continued_by_its_size(storage, tmp_path):
    storage.names_tag, storage.breaks = False, [300_000]
    await storage.download(tmp_path / "interview.mp4", attempts=1)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole
    assert storage.ranges[1] is not None


async def test_a_path_that_cannot_be_written_is_an_error_before_any_request(storage, tmp_path):
    with pytest.raises(FileNotFoundError):
        await storage.download(tmp_path / "nowhere" / "interview.mp4")
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError, match="taken"):
        await storage.download(tmp_path / "taken")
    assert storage.ranges == []
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]


async def test_a_full_disk_is_an_oserror_whose_frames_show_no_key(storage, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            await storage.download(tmp_path / "interview.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [*tmp_path.iterdir()]
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert not [frame for frame in frames if any("request_info" in dir(one) for one in frame.f_locals.values())]
