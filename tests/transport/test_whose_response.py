"""Whose response it is: one that names another subject is never a result, and stray bytes end a connection."""

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from boooply import (
    AIInterview,
    AmbiguousWriteError,
    AsyncBoooplyClient,
    Candidate,
    DecodingError,
    HumanInterview,
    Participant,
    RetryPolicy,
)

JANE = Candidate(name="Jane", email="jane@example.com")
AI = AIInterview(job_role="Engineer", candidate=JANE)
OTHER = {"success": True, "meeting": {"meetingCode": "Boooply-AI-2", "sessionStatus": "CANCELLED"}}


def response(body: Any) -> bytes:
    octets = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(octets)}\r\n\r\n"
    return head.encode() + octets


@asynccontextmanager
async def serving(respond: Callable[[str, str], bytes], connections: list[int] | None = None) -> AsyncIterator[str]:
    """Serve keep-alive connections in raw bytes, with what ``respond`` returns for a method and a path."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connections is not None:
            connections.append(1)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"Content-Length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                method, path, _ = head.split(" ", 2)
                for piece in respond(method, path).split(b"|pause|"):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.02)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def client_of(body: Any) -> AsyncIterator[AsyncBoooplyClient]:
    async with serving(lambda _method, _path: response(body)) as url, client(url) as boooply:
        yield boooply
    await asyncio.sleep(0.05)


def client(url: str) -> AsyncBoooplyClient:
    return AsyncBoooplyClient(api_key="bply_org_x", base_url=url, rate_limits=None, retry=RetryPolicy(backoff=0))


READS = ["get", "get_recording", "get_transcript", "get_evaluation", "list_participants"]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("form", [OTHER, {"meetingCode": "Boooply-AI-2", "recording": None, "transcript": []}])
async def test_a_read_that_names_another_interview_is_no_result(operation: str, form: Any) -> None:
    async with client_of(form) as boooply:
        with pytest.raises(DecodingError, match="meetingCode: the response is about another interview"):
            await getattr(boooply.interviews, operation)("Boooply-AI-1")


@pytest.mark.parametrize("operation", ["cancel", "delete", "trigger_analysis"])
async def test_a_write_whose_response_names_another_interview_is_ambiguous(operation: str) -> None:
    async with client_of(OTHER) as boooply:
        with pytest.raises(AmbiguousWriteError, match="HTTP 200: meetingCode: the response is about another interview"):
            await getattr(boooply.interviews, operation)("Boooply-AI-1")


async def test_a_write_that_the_state_confirms_is_a_success_whatever_its_response_named() -> None:
    def respond(method: str, _path: str) -> bytes:
        ours = {"success": True, "meeting": {"meetingCode": "Boooply-AI-1", "sessionStatus": "CANCELLED"}}
        return response(ours if method == "GET" else OTHER)

    async with serving(respond) as url, client(url) as boooply:
        assert (await boooply.interviews.cancel("Boooply-AI-1")).meeting_code == "Boooply-AI-1"


@pytest.mark.parametrize("code", ["Boooply-AI-2", "boooply-ai-2", "BOOOPLY-AI-2"])
async def test_the_case_of_a_meeting_code_makes_no_difference(code: str) -> None:
    async with client_of(OTHER) as boooply:
        assert (await boooply.interviews.get(code)).meeting_code == "Boooply-AI-2"


async def test_a_response_that_names_nothing_is_accepted() -> None:
    async with client_of({"success": True, "transcript": [], "participants": []}) as boooply:
        assert await boooply.interviews.get_transcript("Boooply-AI-1") == ()
        await boooply.interviews.delete("Boooply-AI-1")


def named(*emails: str) -> Any:
    participants = [
        {"name": "P", "email": email} | ({"role": "HOST"} if email.startswith("host") else {}) for email in emails
    ]
    return {"success": True, "meeting": {"meetingCode": "c"} | {"participants": participants}}


ASK = HumanInterview(
    job_role="Engineer",
    participants=[
        Participant(name="Jane", email="jane@example.com", role="CANDIDATE"),
        Participant(name="Bob", email="bob@example.com", role="INTERVIEWER"),
    ],
)


@pytest.mark.parametrize(
    ("emails", "is_ours"),
    [
        (["jane@example.com", "bob@example.com"], True),
        (["JANE@example.com", "bob@example.com", "owner@example.com"], True),
        (["jane@example.com"], True),
        ([], True),
        (["eve@example.com", "bob@example.com"], False),
        (["eve@example.com"], False),
        (["host@example.com", "bob@example.com"], True),
    ],
)
async def test_a_creation_with_somebody_else_in_place_of_who_was_invited_is_ambiguous(
    emails: list[str], is_ours: bool
) -> None:
    async with client_of(named(*emails)) as boooply:
        if is_ours:
            assert (await boooply.interviews.create(ASK)).meeting_code == "c"
        else:
            with pytest.raises(
                AmbiguousWriteError, match="an invited person is missing, and another person is listed"
            ) as caught:
                await boooply.interviews.create(ASK)
            assert "eve" not in str(caught.value)


async def test_the_calendar_of_another_person_is_no_result() -> None:
    async with client_of({"email": "Eve@example.com", "slots": [], "busyBlocks": []}) as boooply:
        for read in (boooply.interviews.get_availability, boooply.interviews.get_busy_blocks):
            with pytest.raises(DecodingError, match="email: the response is about another person"):
                await read("jane@example.com")
            await read("eve@example.com")


# ---- bytes that nobody asked for


@pytest.mark.parametrize("pause", [b"", b"|pause|"], ids=["at once", "a little later"])
async def test_a_response_that_comes_twice_reaches_no_other_call(pause: bytes) -> None:
    numbers = iter(range(100))
    connections: list[int] = []

    def respond(_method: str, _path: str) -> bytes:
        once = response({"success": True, "organization": {"id": str(next(numbers))}})
        return once + pause + once

    async with serving(respond, connections) as url, client(url) as boooply:
        found = []
        for _ in range(5):
            found.append((await boooply.organization.get()).id)
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)
    assert found == ["0", "1", "2", "3", "4"]
    assert len(connections) == 5


def test_bytes_that_only_the_socket_has_are_seen() -> None:
    """The server is in another thread, so that the client's event loop has not read them before the next call."""
    started, address = threading.Event(), list[str]()

    async def serve() -> None:
        numbers = iter(range(100))

        def respond(_method: str, _path: str) -> bytes:
            once = response({"success": True, "organization": {"id": str(next(numbers))}})
            return once + b"|pause|" + once

        async with serving(respond) as url:
            address.append(url)
            started.set()
            while started.is_set():  # noqa: ASYNC110 - it is cleared in another thread
                await asyncio.sleep(0.01)

    async def call() -> list[str | None]:
        found: list[str | None] = []
        async with client(address[0]) as boooply:
            for _ in range(5):
                found.append((await boooply.organization.get()).id)
                time.sleep(0.1)  # noqa: ASYNC251 - the loop must not read meanwhile
        return found

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    started.wait()
    found = asyncio.run(call())
    started.clear()
    thread.join()
    assert found == ["0", "1", "2", "3", "4"]


async def test_a_connection_without_stray_bytes_is_reused() -> None:
    connections: list[int] = []
    body = response({"success": True, "organization": {"id": "o"}})
    async with serving(lambda _method, _path: body, connections) as url, client(url) as boooply:
        for _ in range(5):
            await boooply.organization.get()
    await asyncio.sleep(0.05)
    assert len(connections) == 1
