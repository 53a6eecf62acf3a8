"""A recording is downloaded whole, whatever breaks it off, and the key goes to nobody else."""

import asyncio
import hashlib
import resource
import stat
import traceback

import pytest
from aiohttp import web

from boooply import (
    AIInterview,
    AsyncBoooplyClient,
    Candidate,
    ConnectionFailed,
    DeadlineExceeded,
    DecodingError,
    NotFoundError,
    PermissionDeniedError,
    RateLimits,
    RetryPolicy,
    ServerError,
)

OPERATION = "interviews.download_recording"
VIDEO = hashlib.sha256(b"a video").digest() * 40_000  # 1.28 MB
KEY = "bply_org_0123456789abcdef"


@pytest.fixture
async def recorded(sandbox, client):
    request = AIInterview(job_role="Engineer", candidate=Candidate(name="Jane", email="jane@example.com"))
    interview = await client.interviews.create(request)
    sandbox.play(interview.code)
    return interview.code


async def test_a_recording_comes_whole_and_for_its_owner_alone(face, recorded, tmp_path):
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
    code = (await client.interviews.create(request)).code
    assert await client.interviews.download_recording(code, tmp_path / "none.mp4") is None
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("fault", ["drop-midway", "reset-before", "500", "503", "429-bare", "stale"])
async def test_a_fault_is_mended(sandbox, recorded, tmp_path, fault):
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
    assert (tmp_path / "interview.mp4").read_bytes() == VIDEO
    starts = [int((asked or "bytes=0-").removeprefix("bytes=").rstrip("-")) for asked in storage.ranges]
    assert starts[0] == 0
    assert 0 < starts[1] <= 100_000
    assert starts[1] < starts[2] <= 700_000


async def test_another_video_in_the_meantime_is_fetched_from_its_start(storage, tmp_path):
    storage.breaks = [600_000]
    storage.videos = [("first", VIDEO), ("second", b"a shorter one")]
    await storage.download(tmp_path / "interview.mp4")
    assert (tmp_path / "interview.mp4").read_bytes() == b"a shorter one"


async def test_breaks_that_bring_something_are_mended_for_ever(storage, tmp_path):
    storage.breaks = [100_000 * number for number in range(1, 8)]
    await storage.download(tmp_path / "interview.mp4", attempts=1)
    assert (tmp_path / "interview.mp4").read_bytes() == VIDEO


async def test_a_storage_that_brings_nothing_is_given_up(storage, tmp_path):
    storage.breaks = [0, 0, 0, 0]
    with pytest.raises(ConnectionFailed, match="broke"):
        await storage.download(tmp_path / "interview.mp4", attempts=3)
    assert len(storage.ranges) == 3
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("status", "error"), [(403, PermissionDeniedError), (404, NotFoundError), (503, ServerError), (204, DecodingError)]
)
async def test_a_refusal_of_the_storage_is_told(storage, tmp_path, status, error):
    storage.status = status
    with pytest.raises(error):
        await storage.download(tmp_path / "interview.mp4", attempts=2)
    assert len(storage.ranges) == (2 if status == 503 else 1)


async def test_a_page_is_no_video(storage, tmp_path):
    storage.kind = "text/html"
    with pytest.raises(DecodingError, match="expected a video, found text/html"):
        await storage.download(tmp_path / "interview.mp4")
    assert not [*tmp_path.iterdir()]


async def test_a_deadline_ends_it_and_leaves_nothing(storage, tmp_path):
    storage.stalls, storage.breaks = True, [300_000]
    with pytest.raises(DeadlineExceeded):
        await storage.download(tmp_path / "interview.mp4", deadline=0.3)
    assert not [*tmp_path.iterdir()]


async def test_a_caller_that_is_cancelled_leaves_nothing(storage, tmp_path):
    storage.stalls, storage.breaks = True, [300_000]
    task = asyncio.create_task(storage.download(tmp_path / "interview.mp4"))
    await asyncio.sleep(0.3)
    assert [*tmp_path.iterdir()]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [*tmp_path.iterdir()]


async def test_the_key_goes_to_the_apis_own_host_alone(storage, tmp_path):
    await storage.download(tmp_path / "interview.mp4")
    assert storage.keys == [None]
    storage.links = "stable"
    await storage.download(tmp_path / "interview.mp4")
    assert storage.keys == [None, f"Bearer {KEY}"]
    storage.links = "elsewhere"  # calls itself stable, and is on another host
    await storage.download(tmp_path / "interview.mp4")
    assert storage.keys[2:] == [None]
    storage.links = "redirect"
    await storage.download(tmp_path / "interview.mp4")
    assert storage.keys[3:] == [None]
    assert storage.key_of_redirect == f"Bearer {KEY}"


async def test_a_disk_that_refuses_says_so_and_shows_no_key(storage, tmp_path):
    with pytest.raises(FileNotFoundError):
        await storage.download(tmp_path / "nowhere" / "interview.mp4")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        await storage.download(tmp_path / "taken")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]


async def test_a_full_disk_says_so_from_no_frame_that_holds_the_key(storage, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as refused:
            await storage.download(tmp_path / "interview.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [*tmp_path.iterdir()]
    frames = [frame for frame, _ in traceback.walk_tb(refused.value.__traceback__)]
    assert not [frame for frame in frames if any("request_info" in dir(one) for one in frame.f_locals.values())]


class Storage:
    """An API of one recording, on 127.0.0.1, whose storage is on localhost."""

    def __init__(self) -> None:
        self.breaks: list[int] = []
        self.videos = [("first", VIDEO)]
        self.status = 200
        self.kind = "video/mp4"
        self.links = "signed"
        self.stalls = False
        self.keys: list[str | None] = []
        self.key_of_redirect: str | None = None
        self.ranges: list[str | None] = []
        self.port = 0

    async def recording(self, _request: web.Request) -> web.Response:
        signed = f"http://localhost:{self.port}/video?X-Amz-Signature=0"
        here = f"http://127.0.0.1:{self.port}"
        links = {
            "signed": {"videoUrl": signed},
            "stable": {"videoUrl": signed, "videoApiUrl": f"{here}/video"},
            "elsewhere": {"videoUrl": signed, "videoApiUrl": f"http://localhost:{self.port}/video"},
            "redirect": {"videoApiUrl": f"{here}/moved"},
        }
        return web.json_response({"success": True, "recording": {"format": "mp4", **links[self.links]}})

    async def moved(self, request: web.Request) -> web.Response:
        self.key_of_redirect = request.headers.get("Authorization")
        raise web.HTTPFound(f"http://localhost:{self.port}/video")

    async def video(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Authorization"))
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        if self.status != 200:
            return web.Response(status=self.status)
        name, video = self.videos.pop(0) if len(self.videos) > 1 else self.videos[0]
        tag = f'"{name}"'
        is_part = asked is not None and request.headers.get("If-Range") == tag
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked is not None and is_part else 0
        headers = {"Content-Range": f"bytes {start}-{len(video) - 1}/{len(video)}"} if is_part else {}
        headers |= {"ETag": tag, "Content-Type": self.kind, "Content-Length": str(len(video) - start)}
        answer = web.StreamResponse(status=206 if is_part else 200, headers=headers)
        await answer.prepare(request)
        end = self.breaks.pop(0) if self.breaks else len(video)
        await answer.write(video[start : max(start, end)])
        if self.stalls:
            await asyncio.sleep(30)
        await asyncio.sleep(0.1)  # what has come, and was not read yet, is lost where a connection breaks
        if end < len(video) and request.transport is not None:
            request.transport.close()
        return answer

    async def download(self, path, **retry) -> None:
        here, policy = f"http://127.0.0.1:{self.port}", RetryPolicy(backoff=0.01, **retry)
        async with AsyncBoooplyClient(api_key=KEY, base_url=here, retry=policy) as client:
            await client.interviews.download_recording("Boooply-AI-1", path)


@pytest.fixture
async def storage():
    storage = Storage()
    app = web.Application()
    app.router.add_get("/api/integration/interviews/{code}/recording", storage.recording)
    app.router.add_get("/video", storage.video)
    app.router.add_get("/moved", storage.moved)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    storage.port = runner.addresses[0][1]
    yield storage
    await runner.cleanup()
