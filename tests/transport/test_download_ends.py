"""The ends of a download: what was waited for is reported as it was, and neither a part nor half a video is left."""

import asyncio
import signal
import socket
import subprocess
import sys
import time

import pytest

from boooply import (
    APIConnectionError,
    APITimeoutError,
    AsyncBoooplyClient,
    DeadlineExceededError,
    DecodingError,
    RateLimits,
    RetryPolicy,
)

KEY = "bply_org_0123456789abcdef"
CODE = "Boooply-AI-1"


# ---- a stall


async def test_a_stall_reports_how_long_data_came_and_for_how_long_none_did(storage, tmp_path):
    storage.stalls, storage.pause, storage.breaks = True, 0.4, [300_000] * 9
    storage.videos = [(f"number {number}", storage.whole) for number in range(9)]  # so that no attempt brings more
    started = time.monotonic()
    with pytest.raises(APITimeoutError, match=r"no data for [\d.]+ s after [\d.]+ s$") as caught:
        await storage.download(tmp_path / "interview.mp4", timeout=1.5, attempts=1)
    error = caught.value
    assert error.after is not None
    assert error.seconds >= 1.5
    assert error.after >= 0.39
    assert error.seconds + error.after <= time.monotonic() - started
    assert error.status == 200
    assert "no response" not in str(error)
    assert not [*tmp_path.iterdir()]


async def test_a_process_that_was_held_up_reports_how_long_it_was(storage, tmp_path):
    storage.stalls, storage.breaks = True, [0] * 9
    task = asyncio.create_task(storage.download(tmp_path / "interview.mp4", timeout=0.5, attempts=1))
    started = time.monotonic()
    while not storage.ranges:  # noqa: ASYNC110 - the storage sets no event
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # until the head of the response has been read
    time.sleep(1.5)  # noqa: ASYNC251 - the whole event loop is held up
    with pytest.raises(APITimeoutError, match=r"no data for [1-9][\d.]* s") as caught:
        await task
    assert 1.5 <= caught.value.seconds <= time.monotonic() - started


async def test_a_storage_without_a_response_brings_no_data(storage, tmp_path):
    storage.silence = 30.0
    with pytest.raises(APITimeoutError, match=r"no data for [\d.]+ s$") as caught:
        await storage.download(tmp_path / "interview.mp4", timeout=1, attempts=1)
    assert (caught.value.after, caught.value.status) == (0, None)
    assert caught.value.seconds >= 1


async def test_connecting_to_the_storage_takes_no_longer_than_the_timeout(storage, tmp_path):
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):  # the queue is full, and further connections wait
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        storage.nowhere, storage.links = f"http://127.0.0.1:{full.getsockname()[1]}/video", "nowhere"
        started = time.monotonic()
        with pytest.raises(APIConnectionError, match="cannot be reached"):
            await storage.download(tmp_path / "interview.mp4", timeout=3, attempts=1)
    assert time.monotonic() - started < 8


# ---- the deadline


@pytest.mark.parametrize(("lookup", "operation"), [(1.5, "download_recording"), (30, "get_recording")])
async def test_a_deadline_covers_the_look_up_and_the_transfer_together(storage, tmp_path, lookup, operation):
    async def seconds() -> float:
        storage.lookup, storage.stalls, storage.breaks = lookup, True, [300_000]
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError, match=f"{operation}: no .* within 2 s") as caught:
            await storage.download(tmp_path / "interview.mp4", deadline=2)
        assert caught.value.seconds == 2
        assert not [*tmp_path.iterdir()]
        return time.monotonic() - started

    tries = 5  # the machine may be busy
    while (taken := await seconds()) > 3.3:
        tries -= 1
        assert tries
    assert taken >= 1.99


async def test_a_deadline_names_what_did_not_come(storage, tmp_path):
    storage.stalls, storage.breaks = True, [300_000]
    with pytest.raises(DeadlineExceededError, match="no complete recording within 1 s"):
        await storage.download(tmp_path / "interview.mp4", deadline=1)
    assert not [*tmp_path.iterdir()]


async def test_a_pause_that_would_outlast_the_deadline_is_not_begun(storage, tmp_path):
    storage.fails, storage.retry_after = {1: 503}, ["31"]
    started = time.monotonic()
    with pytest.raises(DeadlineExceededError, match="no further attempt within 30 s"):
        await storage.download(tmp_path / "interview.mp4", deadline=30)
    assert time.monotonic() - started < 20
    assert not [*tmp_path.iterdir()]


async def test_a_wait_for_the_rate_limit_of_a_fresh_link_ends_at_the_deadline(storage, tmp_path):
    storage.lifetime, storage.breaks = 1, [300_000]
    here, limits = f"http://127.0.0.1:{storage.port}", RateLimits(reads=1, window=60)
    started = time.monotonic()
    async with AsyncBoooplyClient(
        api_key=KEY, base_url=here, rate_limits=limits, retry=RetryPolicy(deadline=30, backoff=0)
    ) as client:
        with pytest.raises(DeadlineExceededError, match="get_recording: no rate-limit slot within 30 s"):
            await client.interviews.download_recording(CODE, tmp_path / "interview.mp4")
    assert time.monotonic() - started < 20
    assert len(storage.ranges) == 2
    assert not [*tmp_path.iterdir()]


# ---- the caller, or the process


async def test_a_caller_that_is_cancelled_leaves_nothing(storage, tmp_path):
    storage.stalls, storage.breaks = True, [300_000]
    (tmp_path / "interview.mp4").write_bytes(b"an older one")
    task = asyncio.create_task(storage.download(tmp_path / "interview.mp4"))
    async with asyncio.timeout(30):
        while len([*tmp_path.iterdir()]) < 2:  # noqa: ASYNC110 - a directory sets no event
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.name for one in tmp_path.iterdir()] == ["interview.mp4"]
    assert (tmp_path / "interview.mp4").read_bytes() == b"an older one"


@pytest.mark.parametrize("flavour", ["async", "blocking"])
@pytest.mark.parametrize("end", ["exit", "exit with a thread", "Ctrl-C", "Ctrl-C twice", "Ctrl-C caught"])
async def test_a_process_that_ends_during_a_download_leaves_nothing(storage, tmp_path, start_program, flavour, end):
    storage.stalls, storage.breaks = True, [300_000]
    url, file = f"http://127.0.0.1:{storage.port}", str(tmp_path / "interview.mp4")
    words = [sys.executable, "-c", _PROGRAM, flavour, end, url, file, KEY]
    process = start_program(words, stderr=subprocess.DEVNULL)
    async with asyncio.timeout(60):
        if end.startswith("Ctrl-C"):
            while not any(part.stat().st_size for part in tmp_path.iterdir()):  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
        if end == "Ctrl-C twice":
            await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
        await asyncio.to_thread(process.wait)
    assert not [*tmp_path.iterdir()]
    expected = {"exit": 8, "exit with a thread": 8, "Ctrl-C": -signal.SIGINT, "Ctrl-C caught": 7}
    assert process.returncode == expected.get(end, process.returncode)


_PROGRAM = """
import asyncio, os, signal, sys, threading, time
from boooply import AsyncBoooplyClient, BoooplyClient
flavour, end, url, file, key = sys.argv[1:]

def has_begun():
    with os.scandir(os.path.dirname(file)) as parts:
        return any(part.stat().st_size for part in parts)

def exit_once_begun():
    if has_begun():
        sys.exit(8)
    signal.setitimer(signal.ITIMER_REAL, 0.02)

async def main():
    async with AsyncBoooplyClient(api_key=key, base_url=url) as client:
        downloading = asyncio.create_task(client.interviews.download_recording("Boooply-AI-1", file))
        if end == "exit":
            while not has_begun():
                await asyncio.sleep(0.01)
            sys.exit(8)
        await downloading

def download():
    if flavour == "async":
        asyncio.run(main())
    else:
        client = BoooplyClient(api_key=key, base_url=url)
        if end == "exit":
            signal.signal(signal.SIGALRM, lambda *_: exit_once_begun())
            exit_once_begun()
        client.interviews.download_recording("Boooply-AI-1", file)

if end == "exit with a thread":
    threading.Thread(target=download, daemon=True).start()
    while not has_begun():
        time.sleep(0.01)
    sys.exit(8)
elif end == "Ctrl-C caught":  # as a notebook does
    try:
        download()
    except KeyboardInterrupt:
        until = time.monotonic() + 10
        while os.listdir(os.path.dirname(file)) and time.monotonic() < until:
            time.sleep(0.01)
        os._exit(0 if os.listdir(os.path.dirname(file)) else 7)  # nothing runs at exit
else:
    download()
"""


# ---- half a video


@pytest.mark.parametrize("ending", ["close", "abort"])
async def test_a_body_whose_end_cannot_be_seen_becomes_no_file(storage, tmp_path, ending):
    storage.unframed = ending
    (tmp_path / "interview.mp4").write_bytes(b"an older one")
    with pytest.raises(DecodingError, match="neither a length nor chunks"):
        await storage.download(tmp_path / "interview.mp4")
    assert [one.name for one in tmp_path.iterdir()] == ["interview.mp4"]
    assert (tmp_path / "interview.mp4").read_bytes() == b"an older one"


async def test_a_part_that_does_not_name_the_total_is_not_the_end(storage, tmp_path):
    storage.breaks, storage.longest_part, storage.names_total = [300_000], 100_000, False
    await storage.download(tmp_path / "interview.mp4", attempts=1)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole


@pytest.mark.parametrize("ending", ["breaks", "stalls", "deadline"])
async def test_a_download_that_fails_leaves_the_older_file(storage, tmp_path, ending):
    storage.stalls, storage.breaks = ending != "breaks", [300_000] * 9
    storage.videos = [(f"number {number}", storage.whole) for number in range(9)]
    (tmp_path / "interview.mp4").write_bytes(b"an older one")
    deadline = 0.5 if ending == "deadline" else None
    with pytest.raises((APIConnectionError, DeadlineExceededError)):
        await storage.download(tmp_path / "interview.mp4", timeout=0.3, attempts=1, deadline=deadline)
    assert [one.name for one in tmp_path.iterdir()] == ["interview.mp4"]
    assert (tmp_path / "interview.mp4").read_bytes() == b"an older one"


async def test_the_rest_of_a_video_without_a_total_is_asked_for_until_there_is_none(storage, tmp_path):
    storage.breaks, storage.longest_part, storage.names_total = [300_000], 500_000, False
    storage.is_chunked = True
    await storage.download(tmp_path / "interview.mp4", attempts=1)
    assert (tmp_path / "interview.mp4").read_bytes() == storage.whole
    assert storage.ranges[-1] == f"bytes={len(storage.whole)}-"
