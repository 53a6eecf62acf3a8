"""What the console opens, without a secret in it, and the programs that it offers, which run as they are."""

import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestServer

from boooply.sandbox import Sandbox, exchanges
from boooply.sandbox.masking import mask, mask_headers
from boooply.webhooks import Webhook
from tests.programs import run_program

TIMES = {"start": "2031-04-01T14:00:00Z", "end": "2031-04-01T14:30:00Z"}


async def call_details(call: Any, number: int | None = None) -> Any:
    wanted = len(call.sandbox.calls) if number is None else number
    return (await call(f"GET /_sandbox/details/call/{wanted}")).body


async def listed(call: Any, name: str, query: str = "") -> Any:
    return (await call(f"GET /_sandbox/lists/{name}?{query}")).body


def variables(sandbox: Sandbox, **changes: str) -> dict[str, str]:
    own = {
        "BOOOPLY_API_KEY": sandbox.api_key,
        "BOOOPLY_PLATFORM_KEY": sandbox.platform_key,
        "BOOOPLY_WEBHOOK_SECRET": sandbox.webhook_secret,
    }
    return {**os.environ, **own, **changes}


def run(words: list[str], environment: Mapping[str, str]) -> str:
    done: subprocess.CompletedProcess[str]
    if words[0] == sys.executable:
        done = run_program(words, env=environment, text=True)
    else:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- calls


async def test_a_call_opens_with_its_request_response_timing_and_limits(call: Any) -> None:
    await call("GET /interviews?search=Jane%20Doe", headers={"X-Mine": "1"})
    seen = await call_details(call)
    assert (seen["number"], seen["operation"], seen["status"]) == (1, "interviews.list", 200)
    assert seen["url"] == f"{call.sandbox.base_url}/api/integration/interviews?search=Jane%20Doe"
    assert ["X-Mine", "1"] in seen["request"]["headers"]
    assert ["Authorization", "Bearer bply_org_***"] in seen["request"]["headers"]
    assert seen["request"]["body"]["size"] == 0
    assert json.loads(seen["response"]["body"]["text"])["meetings"] == []
    assert ["X-RateLimit-Remaining", "999999"] in seen["response"]["headers"]
    assert (seen["limits"]["allowance"], seen["limits"]["remaining"]) == ("reads", 999_999)
    assert 0 < seen["seconds"] < 60
    await call.create()
    body = (await call_details(call))["request"]["body"]
    assert (json.loads(body["text"])["jobRole"], body["isWhole"]) == ("Engineer", True)


async def test_an_unknown_call_is_not_found(call: Any) -> None:
    for name in ("call/0", "call/1", "call/²", "call/x", "interview/x", "webhook/x", "email/1", "nothing/1"):
        assert (await call(f"GET /_sandbox/details/{name}")).status == 404
    assert (await call("GET /_sandbox/lists/nothing")).status == 404
    assert (await call("GET /_sandbox/lists/calls?before=x")).status == 400


async def test_no_list_and_no_detail_has_a_secret(call: Any) -> None:
    minted = (await call.provision("org_1")).body["apiKey"]
    await call("GET /interviews", key="a-key-of-somebody-else")
    await call(f"GET /interviews?api_key={minted}", headers={"Cookie": f"session={minted}"})
    call.key = minted
    code = (await call.create()).code
    call.sandbox.play(code)
    people = (await call(f"GET /interviews/{code}/participants")).body["participants"]
    link = (await call(f"GET /interviews/{code}/recording")).body["recording"]["videoUrl"]
    secrets = [minted, call.sandbox.api_key, call.sandbox.platform_key, call.sandbox.webhook_secret]
    secrets += [*(person["joinToken"] for person in people), link.rpartition("=")[2], "a-key-of-somebody-else"]
    seen = [str(call.sandbox.calls), repr(call.sandbox.sent_emails), repr(call.sandbox.webhooks.deliveries)]
    seen += [str(await listed(call, name)) for name in ("calls", "interviews", "webhooks", "emails", "organizations")]
    seen += [str(await call_details(call, number + 1)) for number in range(len(call.sandbox.calls))]
    for delivery in call.sandbox.webhooks.deliveries:
        seen.append(str((await call(f"GET /_sandbox/details/webhook/{delivery.id}")).body))
    for name in (f"interview/{code}", "email/1"):
        seen.append(str((await call(f"GET /_sandbox/details/{name}")).body))
    for secret in secrets:
        assert len(secret) > 12
        assert not [text for text in seen if secret[-12:] in text]
        # Nor can a secret be guessed by searching.
        assert (await listed(call, "calls", f"text={secret[-12:]}"))["total"] == 0
        assert (await listed(call, "webhooks", f"text={secret[-12:]}"))["total"] == 0


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"apiKey":"bply_org_0123","userId":"1"}', '{"apiKey":"***","userId":"1"}'),
        ('{"joinToken": "a\\"b', '{"joinToken": "***'),
        ("see bply_platform_0123-x.", "see bply_platform_***."),
        ("whsec_abc/=", "whsec_***"),
        ("/x?token=abc&page=2", "/x?token=***&page=2"),
        ('"http://h/v.mp4?X-Amz-Date=1&X-Amz-Signature=abc"', '"http://h/v.mp4?X-Amz-Date=1&X-Amz-Signature=***"'),
        ('{"apiKey":null}', '{"apiKey":null}'),
        ("tokens: 3", "tokens: 3"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_headers_with_secrets_are_masked() -> None:
    given = [("authorization", "Bearer x"), ("Authorization", "x"), ("Cookie", "a=b"), ("Accept", "*/*")]
    values = [value for _, value in mask_headers(given)]
    assert values == ["Bearer ***", "***", "***", "*/*"]


async def test_only_the_newest_exchanges_are_kept(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "KEPT", 3)
    for _ in range(5):
        await call("GET /organization")
    assert [(await call_details(call, number))["isKept"] for number in (1, 2, 3, 4, 5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    monkeypatch.setattr(exchanges, "TOGETHER", 1)
    await call("GET /organization")
    assert (await call_details(call))["isKept"] is False
    assert len(call.sandbox.calls) == 6


async def test_of_a_large_body_only_the_beginning_is_kept(call: Any) -> None:
    await call.create(candidateCV="é" * 50_000)
    seen = await call_details(call)
    body = seen["request"]["body"]
    assert body["size"] > 100_000
    assert not body["isWhole"]
    assert exchanges.LARGEST - 10 < len(body["text"].encode()) <= exchanges.LARGEST
    assert (seen["curl"], seen["python"]) == (None, None)


async def test_binary_data_is_described(call: Any) -> None:
    await call("POST /interviews", data=b"\xff\xfe\x00", headers={"Content-Type": "application/json"})
    seen = await call_details(call)
    assert seen["request"]["body"] == {"text": "", "size": 3, "isText": False, "isWhole": False}
    assert seen["status"] == 400


async def test_a_fault_shows_what_was_sent_and_what_was_not(call: Any) -> None:
    call.sandbox.faults.add("*", "503")
    await call("GET /organization")
    seen = await call_details(call)
    assert seen["faultMeaning"].startswith("nothing is carried out; 503")
    assert "503 Service Unavailable" in seen["response"]["body"]["text"]
    call.sandbox.faults.add("*", "drop-before")
    with contextlib.suppress(ClientError):
        await call.create()
    seen = await call_details(call)
    assert (seen["status"], seen["response"]["body"]) == (0, None)
    assert json.loads(seen["request"]["body"]["text"])["jobRole"] == "Engineer"


# ---- filters and pages


async def test_all_calls_are_reachable_page_by_page(call: Any) -> None:
    for number in range(230):
        await call(f"GET /interviews?search={number}")
    numbers: list[int] = []
    page = await listed(call, "calls")
    while page["items"]:
        assert (page["total"], page["newer"]) == (230, len(numbers))
        numbers += [one["number"] for one in page["items"]]
        await call("GET /organization")  # what comes meanwhile does not shift the pages
        page = await listed(call, "calls", f"operation=interviews.list&before={numbers[-1]}")
    assert numbers == list(range(230, 0, -1))


async def test_lists_are_filtered_by_customer_status_operation_and_text(call: Any) -> None:
    codes = {}
    for customer in ("org_1", "org_10"):
        call.key = (await call.provision(customer)).body["apiKey"]
        codes[customer] = (await call.create(candidate={"name": f"Zoë of {customer}", "email": "z@example.com"})).code
    await call("GET /interviews/nothing")
    call.sandbox.play(codes["org_1"])

    def numbers(page: Any) -> list[int]:
        return [one["number"] for one in page["items"]]

    assert numbers(await listed(call, "calls", "customer=org_1")) == [2, 1]
    assert numbers(await listed(call, "calls", "customer=ORG_10&status=2xx")) == [4, 3]
    assert numbers(await listed(call, "calls", "status=404")) == [5]
    assert numbers(await listed(call, "calls", "status=4xx&operation=interviews.create")) == []
    assert numbers(await listed(call, "calls", "operation=interviews.create")) == [4, 2]
    assert numbers(await listed(call, "calls", "text=ZOË of org_10")) == [4]  # in the bodies
    assert numbers(await listed(call, "calls", "text=/nothing")) == [5]
    interviews = await listed(call, "interviews", "text=zoë&status=COMPLETED")
    assert [one["code"] for one in interviews["items"]] == [codes["org_1"]]
    assert {one["tenant"] for one in (await listed(call, "webhooks", "customer=org_1"))["items"]} == {"org_1"}
    assert (await listed(call, "webhooks", "operation=interview.scores"))["total"] == 1
    assert (await listed(call, "webhooks", "status=delivered"))["total"] == 0
    assert (await listed(call, "emails", "customer=org_10"))["total"] == 1
    assert (await listed(call, "emails", f"text={codes['org_1']}"))["total"] == 1
    assert [one["externalOrgId"] for one in (await listed(call, "organizations", "text=org_10"))["items"]] == ["org_10"]
    await call(f"DELETE /interviews/{codes['org_10']}")
    assert (await listed(call, "emails", "customer=org_10"))["total"] == 0


# ---- interviews, e-mails


async def test_an_interview_opens_with_people_transcript_evaluation_and_recording(call: Any, session: Any) -> None:
    code = (await call.create()).code
    before = (await call(f"GET /_sandbox/details/interview/{code}")).body
    assert (before["transcript"], before["evaluation"], before["recording"]) == ([], None, None)
    call.sandbox.play(code)
    call.sandbox.finalize(code, "HIRE", rationale="Calm")
    seen = (await call(f"GET /_sandbox/details/interview/{code}")).body
    (jane,) = seen["participants"]
    assert (jane["name"], jane["role"], "joinToken" in jane) == ("Jane", "CANDIDATE", False)
    assert seen["transcript"]
    assert seen["evaluation"]["evaluation"]["overallScore"] == seen["overallScore"]
    assert (seen["finalized"], seen["rationale"]) == ("HIRE", "Calm")
    assert [one["operation"] for one in seen["calls"]] == ["interviews.create"]
    assert (await call_details(call, 1))["interview"] == code
    await call(f"DELETE /interviews/{(await call.create()).code}")
    assert [(await call_details(call, number))["interview"] for number in (1, 2, 3)] == [code, None, None]
    assert {one["event"] for one in seen["webhooks"]} >= {"interview.transcript", "interview.recording"}
    assert [one["kind"] for one in seen["emails"]] == ["invitation"]
    async with session.get(f"{call.sandbox.base_url}/_sandbox/recordings/{code}.mp4") as video:
        assert (video.status, video.content_type) == (200, "video/mp4")


async def test_an_email_has_the_links_that_its_person_gets(call: Any, session: Any) -> None:
    code = (await call.create()).code
    people = (await call(f"GET /interviews/{code}/participants")).body["participants"]
    picks = (await call.create(schedulingMode="CANDIDATE_PICKS", availableSlots=[TIMES])).code
    await call(f"PATCH /interviews/{code}/cancel", {})
    join, booking, cancelled = (email.links for email in call.sandbox.sent_emails)
    url = f"{call.sandbox.base_url}/meeting/{code}"
    assert join == {"join": f"{url}?token={people[0]['joinToken']}"}
    assert booking == {"booking": f"{call.sandbox.base_url}/meeting/{picks}/book"}
    assert cancelled == {}
    assert (await call("GET /_sandbox/details/email/1")).body["links"] == [{"name": "join", "url": f"{url}?token=***"}]
    for link in (join["join"], booking["booking"]):
        async with session.get(link, allow_redirects=False) as response:
            assert response.status == 302
            assert response.headers["Location"].startswith("/#interview-Boooply-AI-")


# ---- programs


async def prepared(call: Any) -> list[tuple[str, Any]]:
    """Make one call of each operation."""
    code = (await call.create(availableSlots=[TIMES], schedulingMode="CANDIDATE_PICKS", skills=["it's"])).code
    person = (await call(f"GET /interviews/{code}/participants")).body["participants"][0]["id"]
    call.sandbox.play(code)
    other, third = [(await call.create()).code for _ in range(2)]
    await call.provision("org_1", teamMembers=[{"email": "a@acme.com", "role": "OWNER"}])
    people = [{"name": 'Zoë "Z" O\'Neil', "email": "zoe@example.com", "role": "INTERVIEWER", "externalUserId": "7"}]
    routes: list[tuple[str, Any]] = [
        ("GET /interviews?status=COMPLETED,SCHEDULED&page=2&limit=5&search=Jane%20D&scoreMin=1.5", None),
        *((f"GET /interviews/{code}{rest}", None) for rest in ("", "/participants", "/recording", "/transcript")),
        (f"GET /interviews/{code}/evaluation", None),
        (f"POST /interviews/{code}/analyze", None),
        (f"POST /interviews/{other}/participants", {"participants": people}),
        (f"PATCH /interviews/{other}/reschedule", {"scheduledAt": TIMES["start"], "durationMinutes": 45}),
        (f"PATCH /interviews/{other}/cancel", {"reason": "line one\nline two; $HOME `id` <b>"}),
        (f"DELETE /interviews/{code}/participants/{person}", None),
        (f"DELETE /interviews/{third}", None),
        ("GET /availability?email=ann%40acme.com&duration=45&days=3", None),
        ("GET /busy-blocks?email=ann%40acme.com", None),
        ("POST /generate-job-description", {"jobRole": "Nurse", "workSetup": "ONSITE", "skills": ["calm"]}),
        ("GET /organization", None),
    ]
    for route, body in routes:
        await call(route, body)
    return routes


def comparable(details: Any) -> Any:
    text = details["request"]["body"]["text"]
    url, _, query = details["url"].partition("?")
    return details["method"], url, sorted(query.split("&")), json.loads(text) if text else None


# What can be done only once, or not any more by what a later call did.
SPENT = {"interviews.cancel", "interviews.reschedule", "interviews.delete", "interviews.remove_participant"}
SPENT |= {"interviews.add_participants"}


async def test_the_copied_python_runs_as_it_is_for_every_operation(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepared(call)
    for name, value in variables(call.sandbox).items():
        monkeypatch.setenv(name, value)
    operations = {one.operation: number for number, one in enumerate(call.sandbox.calls, 1)}
    assert len(operations) == 18
    for operation, number in operations.items():
        details = await call_details(call, number)
        program = details["python"]
        assert f".{operation}(" in program
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.ExitStack() as stack:
            if operation in SPENT:
                stack.enter_context(contextlib.suppress(Exception))
            await asyncio.to_thread(exec, program, {})
        again = await call_details(call)
        assert comparable(again) == comparable(details), operation
        assert again["status"] == details["status"] or operation in SPENT


async def test_the_copied_curl_runs_as_it_is_for_every_operation(call: Any) -> None:
    await prepared(call)
    operations = {one.operation: number for number, one in enumerate(call.sandbox.calls, 1)}
    for operation, number in operations.items():
        details = await call_details(call, number)
        output = await asyncio.to_thread(run, ["sh", "-c", details["curl"]], variables(call.sandbox))
        again = await call_details(call)
        assert comparable(again) == comparable(details), operation
        assert json.loads(output)["success"] == (again["status"] < 400)
        assert again["status"] == details["status"] or operation in SPENT


async def test_the_program_of_a_rejected_call_sends_it_as_it_was(call: Any) -> None:
    await call("POST /interviews", {"meetingType": "AI_ONLY", "jobRole": "", "scheduledAt": None})
    details = await call_details(call)
    assert details["status"] == 400 or details["status"] == 422
    with pytest.raises(AssertionError, match="Error"):  # the API's error
        await asyncio.to_thread(run, [sys.executable, "-c", details["python"]], variables(call.sandbox))
    assert comparable(await call_details(call)) == comparable(details)


async def test_a_customers_name_cannot_leave_the_comment_of_a_program(call: Any) -> None:
    name = "x\nraise SystemExit(9)\r'\""
    call.key = (await call.provision(name)).body["apiKey"]
    await call("GET /organization")
    program = (await call_details(call))["python"]
    own = variables(call.sandbox, CUSTOMER_KEY=call.key)
    assert "Organization(" in await asyncio.to_thread(run, [sys.executable, "-c", program], own)


CUSTOMERS = ["org_1", "sandbox-company", "it's", 'a "b" $HOME `id` }', "x\n$(exit 9)"]


@pytest.mark.parametrize("customer", CUSTOMERS)
async def test_the_copies_of_a_customers_call_read_that_customers_key(call: Any, customer: str) -> None:
    call.key = (await call.provision(customer)).body["apiKey"]
    await call("GET /interviews")
    seen = await call_details(call)
    assert (seen["variable"], seen["customer"]) == ("CUSTOMER_KEY", customer)
    assert seen["keyCommand"].startswith("boooply tenants key ")
    for words in ([sys.executable, "-c", seen["python"]], ["sh", "-c", seen["curl"]], ["bash", "-c", seen["curl"]]):
        program = words[-1]
        assert "BOOOPLY" not in program
        assert seen["keyCommand"] in program
        before = len(call.sandbox.calls)
        for unset in ({}, {"CUSTOMER_KEY": ""}):
            with pytest.raises(AssertionError, match=r"CUSTOMER_KEY: set it to|Set CUSTOMER_KEY to") as caught:
                await asyncio.to_thread(run, words, variables(call.sandbox, **unset))
            assert "Traceback" not in str(caught.value)
            assert customer != "org_1" or "which the store of your program contains: boooply tenants key org_1" in str(
                caught.value
            )
        assert len(call.sandbox.calls) == before
        await asyncio.to_thread(run, words, variables(call.sandbox, CUSTOMER_KEY=call.key))
        assert (call.sandbox.calls[-1].tenant, call.sandbox.calls[-1].status) == (customer, 200)


async def test_the_copies_of_a_call_with_a_revoked_key_read_that_customers_key(call: Any) -> None:
    call.key = (await call.provision("org_1")).body["apiKey"]
    call.sandbox.revoke_keys("org_1")
    await call("GET /organization")
    seen = await call_details(call)
    assert (seen["status"], seen["variable"], seen["customer"]) == (401, "CUSTOMER_KEY", "org_1")


async def test_the_copies_of_the_sandbox_s_own_calls_read_what_the_sandbox_prints(call: Any) -> None:
    await call("GET /organization")
    seen = await call_details(call)
    assert (seen["variable"], seen["customer"], seen["keyCommand"]) == ("BOOOPLY_API_KEY", None, None)
    assert "CUSTOMER_KEY" not in seen["curl"] + seen["python"]
    await call("GET /organization", key="bply_org_unknown")
    assert (await call_details(call))["variable"] == "BOOOPLY_API_KEY"


async def test_the_first_steps_run_as_they_are(call: Any) -> None:
    steps = (await call("GET /_sandbox/snapshot")).body["firstSteps"]
    output = await asyncio.to_thread(run, [sys.executable, "-c", steps["interviews"]], variables(call.sandbox))
    assert output == "Boooply-AI-1234567890\n"
    output = await asyncio.to_thread(run, ["sh", "-c", steps["calls"]], variables(call.sandbox))
    assert json.loads(output)["organization"]["name"] == "Sandbox Company"


# ---- webhooks


@pytest.fixture
async def endpoint() -> AsyncIterator[tuple[str, list[tuple[Mapping[str, str], bytes]]]]:
    taken: list[tuple[Mapping[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        taken.append((request.headers.copy(), await request.read()))
        return web.Response(status=400, text='{"why": "not today", "token": "secret-of-theirs"}')

    app = web.Application()
    app.router.add_post("/hooks", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/hooks")), taken


async def test_a_webhook_opens_with_payload_signature_and_attempts(call: Any, endpoint: Any) -> None:
    url, taken = endpoint
    call.sandbox.webhooks.url = url
    code = (await call.create()).code
    call.sandbox.play(code)
    await call.sandbox.webhooks.delivered()
    for delivery in call.sandbox.webhooks.deliveries:
        seen = (await call(f"GET /_sandbox/details/webhook/{delivery.id}")).body
        headers, body = next(one for one in taken if one[0]["X-Boooply-Event"] == delivery.event)
        assert seen["signature"] == headers["X-Boooply-Signature"]
        assert seen["body"]["text"] == re.sub(r"(?<=X-Amz-Signature=)\w+", "***", body.decode())
        assert ["Authorization", "Bearer whsec_***"] in seen["headers"]
        (attempt,) = seen["attempts"]
        assert (attempt["status"], attempt["response"]) == (400, '{"why": "not today", "token": "***"}')
        assert attempt["seconds"] > 0


async def test_the_copied_programs_send_a_webhook_that_is_signed(call: Any, endpoint: Any) -> None:
    code = (await call.create(candidate={"name": "Zoë O'Neil <b>", "email": "z@example.com"})).code
    call.sandbox.play(code)
    url, taken = endpoint
    deliveries = call.sandbox.webhooks.deliveries
    for delivery in deliveries:
        seen = (await call(f"GET /_sandbox/details/webhook/{delivery.id}")).body
        curl, python = (
            seen[name].replace("http://127.0.0.1:8000/webhooks/boooply", url) for name in ("curl", "python")
        )
        own = variables(call.sandbox)
        await asyncio.to_thread(run, ["sh", "-c", curl], own)
        with pytest.raises(AssertionError, match="HTTP Error 400"):  # what the endpoint responds
            await asyncio.to_thread(run, [sys.executable, "-c", python], own)
    assert len(taken) == 2 * len(deliveries) > 0
    for headers, body in taken:
        event = Webhook(call.sandbox.webhook_secret).verify(body, headers)
        assert event.meeting_code == code
