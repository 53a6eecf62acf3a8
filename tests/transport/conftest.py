"""The API of one recording, and the storage that its link leads to."""

import asyncio
import hashlib
import json
from typing import Any

import pytest
from aiohttp import web

from boooply import AsyncBoooplyClient, RetryPolicy
from boooply.transport import downloading

KEY = "bply_org_0123456789abcdef"


class Storage:
    """An API of one recording, on 127.0.0.1, whose storage is on localhost."""

    def __init__(self) -> None:
        self.whole = hashlib.sha256(b"a video").digest() * 40_000  # 1.28 MB
        self.breaks: list[int] = []
        self.download_in_progress: Any = None
        self.videos = [("first", self.whole)]
        self.status = 200
        self.kind = "video/mp4"
        self.links = "signed"
        self.nowhere = "http://localhost:1/video"
        self.stalls = False
        self.silence = 0.0  # seconds until the head of a response
        self.pause = 0.0  # seconds between two halves of what is sent
        self.lookup = 0.0  # seconds until the API responds
        self.names_total = True
        self.is_chunked = False
        self.unframed: str | None = None  # or how the connection ends: "close" or "abort"
        self.heeds_if_range = True
        self.longest_part = len(self.whole)
        self.fails: dict[int, int] = {}  # the number of the request, and its status
        self.retry_after: list[str] = []  # of the requests that fail
        self.accepted: list[tuple[str | None, str | None]] = []
        self.keys: list[str | None] = []
        self.lifetime = 0  # after so many requests a link has expired, unless it is 0
        self.links_made = 0
        self.used = 0  # requests with the latest link
        self.without_video: set[int] = set()  # the numbers of the look-ups that find none
        self.refuses_with = 403
        self.looks_up_keys: list[str | None] = []
        self.names_tag = True
        self.ranges: list[str | None] = []
        self.port = 0

    async def recording(self, request: web.Request) -> web.Response:
        self.looks_up_keys.append(request.headers.get("Authorization"))
        self.links_made += 1
        self.used = 0
        await asyncio.sleep(self.lookup)
        signed = f"http://localhost:{self.port}/video?X-Amz-Signature={self.links_made}"
        here = f"http://127.0.0.1:{self.port}"
        videos = {
            "signed": signed,
            "own host": f"{here}/video?X-Amz-Signature={self.links_made}",
            "nowhere": self.nowhere,
            "redirect": f"{here}/moved",
        }
        stable = f"{here}{request.path}"
        recording = {"format": "mp4", "videoUrl": videos[self.links], "videoApiUrl": stable}
        has_video = self.links_made not in self.without_video
        return web.json_response({"success": True, "recording": recording if has_video else None})

    async def moved(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization"))
        raise web.HTTPFound(f"http://localhost:{self.port}/video?X-Amz-Signature={self.links_made}")

    async def video(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Authorization"))
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        self.accepted.append((request.headers.get("Accept"), request.headers.get("Accept-Encoding")))
        self.used += 1
        is_latest = request.query.get("X-Amz-Signature") == str(self.links_made)
        if not is_latest or 0 < self.lifetime < self.used:
            return web.Response(status=self.refuses_with, text="<Error>expired</Error>", content_type="application/xml")
        status = self.fails.get(len(self.ranges), self.status)
        if status != 200:
            return web.Response(
                status=status,
                headers={"Retry-After": self.retry_after.pop(0)} if self.retry_after else {},
                text=json.dumps({"error": f"no access to {request.url}", "code": str(request.url)}),
                content_type="application/json",
            )
        if self.unframed is not None and request.transport is not None:
            request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n" + self.whole[:50_000])
            await asyncio.sleep(0.1)
            getattr(request.transport, self.unframed)()
            return web.Response()
        name, video = self.videos.pop(0) if len(self.videos) > 1 else self.videos[0]
        tag = f'"{name}"'
        if_range = request.headers.get("If-Range")
        is_part = asked is not None and (if_range in {None, tag} or not self.heeds_if_range)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked is not None and is_part else 0
        whole = min(len(video), start + self.longest_part) if is_part else len(video)
        total = len(video) if self.names_total else "*"
        headers = {"Content-Range": f"bytes {start}-{whole - 1}/{total}"} if is_part else {}
        headers |= {"Content-Type": self.kind} | ({"ETag": tag} if self.names_tag else {})
        headers |= {} if self.is_chunked else {"Content-Length": str(whole - start)}
        if start == len(video):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{start}"})
        response = web.StreamResponse(status=206 if is_part else 200, headers=headers)
        await asyncio.sleep(self.silence)
        await response.prepare(request)
        end = self.breaks.pop(0) if self.breaks else whole
        half = (start + max(start, end)) // 2
        await response.write(video[start:half])
        await asyncio.sleep(self.pause)
        await response.write(video[half : max(start, end)])
        if self.stalls:
            await asyncio.sleep(30)
        if end < whole and request.transport is not None:
            # What has arrived, and was not read yet, is lost if the connection breaks.
            while self.download_in_progress.progress.size < end:  # noqa: ASYNC110 - the download tells nobody
                await asyncio.sleep(0.002)
            request.transport.close()
        return response

    async def download(self, path, timeout=30, **retry) -> None:
        here, policy = f"http://127.0.0.1:{self.port}", RetryPolicy(backoff=0.01, **retry)
        async with AsyncBoooplyClient(api_key=KEY, base_url=here, retry=policy, timeout=timeout) as client:
            await client.interviews.download_recording("Boooply-AI-1", path)


@pytest.fixture
async def storage(monkeypatch):
    storage = Storage()
    in_time = downloading._download_in_time

    async def observed(download: Any) -> None:
        storage.download_in_progress = download
        await in_time(download)

    monkeypatch.setattr(downloading, "_download_in_time", observed)
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
