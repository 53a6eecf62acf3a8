"""``boooply doctor`` against the sandbox, and against an API that deviates from it, over real HTTP and TLS."""

import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from boooply import (
    AIInterview,
    BoooplyClient,
    BoooplyPlatform,
    HumanInterview,
    Participant,
    TeamMeeting,
    Tenant,
    Tenants,
)
from boooply.cli.doctor import connection
from boooply.cli.doctor.checks import CHECKS, examine
from boooply.cli.doctor.connection import digest
from boooply.cli.doctor.findings import Finding, Observed, Reading, Settings, differs, failed, passed
from boooply.protocol.endpoints import GET_EVALUATION, GET_INTERVIEW, GET_ORGANIZATION, LIST_INTERVIEWS, Endpoint
from boooply.protocol.messages import Response
from boooply.sandbox import Limits, Sandbox
from boooply.store import Store
from boooply.transport.probing import TLS, Exchange
from tests.cli.deviating import Deviating, Payload
from tests.windows import at_the_start_of_a_window

Run = Callable[..., Any]
Check = Callable[..., dict[str, Any]]

COMMAND = (sys.executable, "-W", "error", "-m", "boooply.cli.main")
SLUGS = [check.slug for check in CHECKS]
NAMES = ["organization", "meeting", "meetings", "interviews", "pagination", "evaluation", "participants", "byCriterion"]
NAMES += ["meetingCode", "sessionStatus", "scheduledAt", "overallScore", "plan", "id", "role", "limit", "code", "total"]
TENANT = Tenant(user_id="12345", user_email="admin@acme.example", organization_id="org_7234567890")


@pytest.fixture
def api(use_key: Callable[[str, str], None]) -> Iterator[Deviating]:
    """Serve a sandbox of a few interviews, whose responses a test may change."""
    with Sandbox(limits=Limits(writes=100)) as sandbox, Deviating(sandbox) as api:
        fill(sandbox)
        use_key(f"http://127.0.0.1:{api.port}", sandbox.api_key)
        yield api


@pytest.fixture
def use_key(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    def use(base_url: str, key: str) -> None:
        monkeypatch.setenv("BOOOPLY_BASE_URL", base_url)
        monkeypatch.setenv("BOOOPLY_API_KEY", key)

    return use


def fill(sandbox: Sandbox) -> None:
    ada = Participant(name="Ada Lovelace", email="ada@people.example", role="CANDIDATE", external_user_id="cand-4711")
    host = Participant(name="Grace Hopper", email="grace@people.example", role="HOST")
    with BoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        human = client.interviews.create(
            HumanInterview(
                job_role="Rust Developer", participants=[ada, host], scheduled_at="2027-01-02T03:04:05Z", title="Meet"
            )
        )
        client.interviews.create(TeamMeeting(title="Weekly of the Kestrels", participants=[host], agenda=["Budgets"]))
        led = client.interviews.create(AIInterview(job_role="Beekeeper", participants=[ada], company_name="Acme Hives"))
    sandbox.play(human.meeting_code)
    sandbox.play(led.meeting_code, rubric={"criteria": [{"name": "Handles Swarms"}]})
    sandbox.finalize(led.meeting_code, "HIRE", rationale="Knows every hive", by="recruiter-99")


@pytest.fixture
def check(run: Run) -> Check:
    """Run the doctor with --json, and return its checks."""

    def check(*arguments: str, code: int) -> dict[str, Any]:
        ran = run("doctor", "--json", *arguments)
        assert (ran.code, ran.err) == (code, "")
        ran.check_is_plain()
        checks: dict[str, Any] = json.loads(ran.out)["checks"]
        return checks

    return check


def differing(checks: dict[str, Any]) -> dict[str, list[str]]:
    return {slug: [one["found"], *one["details"]] for slug, one in checks.items() if one["result"] == "differs"}


def failing(checks: dict[str, Any]) -> dict[str, list[str]]:
    return {slug: [one["found"], one["remedy"]] for slug, one in checks.items() if one["result"] == "failed"}


AS_EXPECTED = "response to the request without a key: HTTP 401, code INVALID_API_KEY, as expected"
ANOTHER_KEY = "copy the key into BOOOPLY_API_KEY again, or request a new key"


# ---- an API as assumed


@pytest.mark.usefixtures("api")
def test_all_is_as_assumed_at_the_sandbox(check: Check) -> None:
    checks = check(code=0)

    assert {slug: one["found"] for slug, one in checks.items() if one["result"] != "passed"} == {
        "tls": "the address is http: nothing is encrypted"
    }
    found = {slug: one["found"] for slug, one in checks.items()}
    window = found.pop("rate-limit-window")
    assert re.match(r"\d+ s left at the first request", window)
    organization = found.pop("organization")
    assert re.match(r"its ID has the digest [0-9a-f]{6}\. To compare it with your ID, add --expect ID", organization)
    assert found["error-form"] == AS_EXPECTED
    assert found["enumeration-values"].startswith("no unknown values in ")
    assert found["evaluation-form"] == "under evaluation: the usual form"
    assert found["key-kind"] == "an organization key, bply_org_…, from BOOOPLY_API_KEY"
    assert found["list-form"] == "meetings and pagination: the usual form"
    assert found["rate-limit-headers"] == "Limit, Remaining and Reset; Reset in seconds since 1970"
    assert found["rate-limit-reads"] == "100 per window, as documented"


def test_it_reads_five_times_at_most_and_first_without_the_key(api: Deviating, check: Check) -> None:
    before = len(api.sandbox.sent_emails)
    check(code=0)

    assert api.methods == {"GET"}
    places = [place for place, _ in api.seen]
    assert places[:3] == ["organization", "organization", "interviews"]
    assert places[4:] == ["evaluation"]
    assert len(places) == 5
    assert [key is None for _, key in api.seen] == [True, False, False, False, False]
    assert len(api.sandbox.sent_emails) == before


def test_an_organization_without_interviews(use_key: Callable[[str, str], None], check: Check) -> None:
    with Sandbox(limits=Limits()) as sandbox:
        use_key(sandbox.base_url, sandbox.api_key)
        checks = check(code=0)

    assert len(sandbox.calls) == 3
    assert checks["interview-form"]["found"] == "the organization has no interview"
    assert checks["evaluation-form"]["result"] == "not_checked"


def test_the_report_for_people_is_tidy(api: Deviating, run: Run) -> None:
    api.change = lambda _place, payload: payload.update(mood="calm")

    ran = run("doctor")

    ran.check_is_fit_for_print()
    assert ran.code == 4
    assert ran.out.startswith("26 passed, 1 differs, 1 not checked. Sent 5 requests, which changed nothing.\n")
    assert re.search(
        r"^differs  unknown-fields +4 unknown fields, kept in .extra *\n +- Page.mood", ran.out, re.MULTILINE
    )
    for slug in SLUGS:
        assert re.search(rf"\b{slug}\b", ran.out), slug
    assert "aiohttp" in ran.words
    assert "not checked: the address is http" in ran.words
    assert "paste this report into an issue" in ran.words


def test_the_report_in_a_terminal(api: Deviating, run_in_terminal: Run) -> None:
    ran = run_in_terminal("doctor")

    assert (ran.code, ran.err) == (0, "")
    assert "\x1b[32mpassed\x1b[0m" in ran.out
    assert api.seen


def test_the_json_names_versions_and_requests(api: Deviating, run: Run) -> None:
    found = json.loads(run("doctor", "--json").out)

    assert found["requests"] == len(api.seen) == 5
    assert {"aiohttp", "attrs", "boooply", "cattrs", "openssl", "os", "python"} <= found["versions"].keys()
    assert [*found["checks"]] == SLUGS


# ---- nothing of anybody's data


def values(raw: Any) -> Iterator[str]:
    if isinstance(raw, dict):
        for value in raw.values():
            yield from values(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from values(value)
    elif isinstance(raw, str):
        yield raw


def all_values(sandbox: Sandbox) -> set[str]:
    """Return every text that the sandbox has: of responses, of people, of keys."""
    found: set[str] = {sandbox.api_key, sandbox.platform_key, sandbox.webhook_secret}
    with BoooplyClient(api_key=sandbox.api_key, base_url=sandbox.base_url) as client:
        listed = client.request("GET", "/api/integration/interviews").json()
        found |= {*values(listed), *values(client.request("GET", "/api/integration/organization").json())}
        for code in [one["meetingCode"] for one in listed["meetings"]]:
            for part in ("", "/evaluation", "/transcript", "/participants", "/recording"):
                path = f"/api/integration/interviews/{code}{part}"
                found.update(values(client.request("GET", path).json()))
    return found


# What the API calls things, and the plan, which the report names on purpose.
SHOWN = {"CUSTOM", "organization", "text"}


def leaks(text: str, values: set[str]) -> set[str]:
    private = {one for one in values if len(one) > 2} - SHOWN
    return {one for one in private if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text, re.IGNORECASE)}


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["people", "json"])
def test_the_report_contains_no_value_of_the_data(api: Deviating, run: Run, form: list[str]) -> None:
    ran = run("doctor", *form, "--expect", "org_4711")
    known = all_values(api.sandbox) | {"org_4711", str(api.port), "127.0.0.1"}

    assert len(known) > 60
    assert leaks(ran.out, known) == set()
    assert leaks("Ada Lovelace was here", known) == {"Ada Lovelace"}


SECRET_KEY = "bply_org_" + "ab12" * 8


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["people", "json"])
def test_nor_does_one_of_an_api_that_puts_data_everywhere(api: Deviating, run: Run, form: list[str]) -> None:
    def change(_place: str, payload: Payload) -> None:
        for one in objects(payload):
            one |= {"Ada Lovelace": 1, "ada@people.example": 2, SECRET_KEY: 3, "cand4711": 4, "recruiter-99": 5}
            one |= {"note": "kestrels", "kestrels": True, "grace": 6, "gracehopper": 7}
            if "role" in one:
                one["role"] = "ADA" if one["role"] == "CANDIDATE" else "GRACEHOPPER"
            if "meetingType" in one:
                one["meetingType"] = SECRET_KEY.upper()
                one["sessionStatus"] = "BOOOPLY_AI_1234567890"
                one["endReason"] = "Ada was late"
            if "plan" in one:
                one["plan"] = "Acme's own"

    api.change = change
    ran = run("doctor", *form)

    assert ran.code == 4
    hidden = {
        "Ada Lovelace",
        "ada",
        "grace",
        "gracehopper",
        "ada@people.example",
        SECRET_KEY,
        "ab12",
        "cand4711",
        "1234567890",
        "kestrels",
    }
    assert leaks(ran.out, all_values(api.sandbox) | hidden | {"Acme's own", "late"}) == set()
    assert "names not shown, which could be data" in ran.words
    assert "InterviewParticipant.role: 2 values not shown" in ran.words


# ---- an API that deviates


def objects(raw: Any) -> Iterator[Payload]:
    if isinstance(raw, dict):
        yield raw
        for value in list(raw.values()):
            yield from objects(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from objects(value)


def test_unknown_fields_are_named_in_every_nested_object(api: Deviating, check: Check) -> None:
    def change(place: str, payload: Payload) -> None:
        payload["meta"] = 1
        for one in objects(payload):
            if "joinToken" in one:
                one["pronouns"] = "they"
            if "plan" in one:
                one["seats"] = 3
        if place == "evaluation":
            payload["evaluation"]["byCriterion"]["Handles Swarms"]["weight"] = 2

    api.change = change

    assert differing(check(code=4)) == {
        "unknown-fields": [
            "7 unknown fields, kept in .extra",
            "CriterionScore.weight",
            "InterviewParticipant.pronouns",
            "Organization.seats",
            "Page.meta",
            "interviews.get.meta",
            "interviews.get_evaluation.meta",
            "organization.get.meta",
        ]
    }


def test_unknown_values_of_enumerations_are_shown_where_they_look_like_one(api: Deviating, check: Check) -> None:
    def change(_place: str, payload: Payload) -> None:
        for one in objects(payload):
            if "sessionStatus" in one:
                one |= {"sessionStatus": "PAUSED", "meetingType": "phone call", "status": None}
            if one.get("role") == "HOST":
                one["role"] = "GRACE_HOPPER"  # looks like a member, and is her name

    api.change = change

    assert differing(check(code=4))["enumeration-values"] == [
        "3 unknown values, kept as text",
        "Interview.sessionStatus: PAUSED",
        "Interview.meetingType: 1 value not shown",
        "InterviewParticipant.role: 1 value not shown",
    ]


def test_fields_of_another_type_are_named(api: Deviating, check: Check) -> None:
    def change(_place: str, payload: Payload) -> None:
        for one in objects(payload):
            if "overallScore" in one:
                one["overallScore"] = "high"
            if "sessionStatus" in one:
                one |= {"participants": {}, "scheduledAt": "tomorrow", "id": 4711}
            if "plan" in one:
                one["name"] = ["Acme"]

    api.change = change
    found = differing(check(code=4))

    assert found["field-types"] == [
        "5 fields with another type",
        "Evaluation.overallScore: text",
        "Interview.overallScore: text",
        "Interview.participants: an object",
        "Interview.scheduledAt: text",
        "Organization.name: a list",
    ]
    assert found["id-types"] == ["some ids are not text", "Interview.id"]


def test_missing_fields_times_and_scales(api: Deviating, check: Check) -> None:
    def change(_place: str, payload: Payload) -> None:
        for one in objects(payload):
            one.pop("slug", None)
            one.pop("joinToken", None)
            if one.get("scheduledAt"):
                one["scheduledAt"] = "2027-01-02T03:04:05"
            if one.get("overallScore"):
                one["overallScore"] = 870

    api.change = change

    assert differing(check(code=4)) == {
        "missing-fields": [
            "documented fields that no response has",
            "InterviewParticipant.joinToken",
            "Organization.slug",
        ],
        "times": ["some times have no offset, and are read as UTC", "Interview.scheduledAt"],
        "scales": ["some scores are outside their scale", "Evaluation.overallScore", "Interview.overallScore"],
    }


def test_the_other_published_forms_pass_and_are_named(api: Deviating, check: Check) -> None:
    def change(place: str, payload: Payload) -> Payload | None:
        if place == "organization":
            return {"success": True, **payload["organization"]}
        if place == "interviews":
            return {"interviews": [older(one) for one in payload["meetings"]], "total": 3, "page": 1}
        if place == "evaluation":
            return {"success": True, **payload["evaluation"]}
        return {"success": True, **older(payload["meeting"])}

    def older(one: Payload) -> Payload:
        status = one.pop("sessionStatus")
        one.pop("meetingCode")
        return one | {"status": status}

    api.change = change
    checks = check(code=4)

    other = "fields at the top level: the other published form"
    assert {slug: checks[slug]["found"] for slug in SLUGS if slug.endswith(("-form", "interview-names"))} == {
        "error-form": AS_EXPECTED,
        "organization-form": other,
        "list-form": "interviews, total and page: the other published form",
        "interview-form": other,
        "interview-names": "the code is under code, the status is under status",
        "evaluation-form": other,
    }
    assert differing(checks) == {
        "missing-fields": ["documented fields that no response has", "Page.limit", "Page.totalPages"]
    }


def test_a_list_of_neither_form(api: Deviating, check: Check) -> None:
    api.change = lambda place, payload: (
        {"success": True, "data": payload["meetings"], "Ada": 1} if place == "interviews" else None
    )

    assert differing(check(code=4))["list-form"] == ["the SDK cannot read it", "meetings: is missing"]


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"X-RateLimit-Reset": "17"}, "Reset in seconds from now"),
        ({"X-RateLimit-Reset": "1900000000000"}, "Reset in milliseconds since 1970"),
        ({"X-RateLimit-Reset": "2027-01-02T03:04:05Z"}, "Reset in ISO 8601"),
        ({"X-RateLimit-Reset": "17", "RateLimit-Policy": "q=100"}, "Reset in seconds from now; also RateLimit-Policy"),
    ],
)
def test_other_forms_of_the_reset(api: Deviating, run: Run, headers: dict[str, str | None], found: str) -> None:
    api.headers = headers
    checks = json.loads(run("doctor", "--json").out)["checks"]

    assert checks["rate-limit-headers"]["found"] == f"Limit, Remaining and Reset; {found}"
    assert checks["rate-limit-headers"]["result"] == "passed"


def test_rate_limit_headers_that_the_sdk_cannot_use(api: Deviating, check: Check) -> None:
    api.headers = {"X-RateLimit-Reset": "soon", "X-RateLimit-Limit": "600"}
    assert differing(check(code=4)) == {
        "rate-limit-headers": ["Limit, Remaining and Reset; Reset in a form that the SDK cannot read"],
        "rate-limit-reads": ["600 per window, where 100 are documented"],
    }

    api.headers = {"X-RateLimit-Reset": "3600", "X-RateLimit-Remaining": None}
    assert differing(check(code=4)) == {
        "rate-limit-headers": ["some responses lack X-RateLimit-Remaining"],
        "rate-limit-window": ["3,600 s left, which is longer than a minute"],
    }


@pytest.mark.parametrize(("offset", "side"), [(-300, "ahead of"), (300, "behind")])
def test_a_clock_that_differs(api: Deviating, check: Check, offset: int, side: str) -> None:
    api.headers = {"Date": formatdate(time.time() + offset, usegmt=True), "X-RateLimit-Reset": "17"}
    api.respond = {}

    (found, remedy) = failing(check(code=4))["clock"]

    assert re.fullmatch(rf"this machine is about (299|300|301) s {side} the API", found)
    assert remedy == "correct this machine's clock"


def test_a_page_of_html_and_a_redirect(api: Deviating, check: Check) -> None:
    page = "<!DOCTYPE html><html>Welcome, Ada</html>"
    api.respond["interviews"] = lambda: web.Response(text=page, content_type="text/html")
    found = differing(check(code=4))
    assert found["json"] == [
        "some responses are not JSON: check that BOOOPLY_BASE_URL is the address of the API",
        "interviews.list: HTTP 200, HTML",
    ]
    assert found["list-form"][0] == "the SDK cannot read it"

    api.respond["interviews"] = lambda: web.Response(status=307, headers={"Location": "https://ada.example"})
    found = differing(check(code=4))
    assert found["json"][1] == "interviews.list: HTTP 307, a redirect"
    assert found["list-form"] == ["HTTP 307 instead of a result"]


def test_an_error_of_another_form(api: Deviating, check: Check) -> None:
    api.respond["organization"] = lambda: web.json_response({"message": "Hello Ada"}, status=403)
    checks = check(code=1)

    found = "response to the request without a key: HTTP 403, no code, without success and error"
    assert differing(checks) == {"error-form": [found]}
    assert failing(checks) == {"key-accepted": ["the API rejects the key: HTTP 403", ANOTHER_KEY]}


# ---- whose key


@pytest.fixture
def limited(store_key: str, use: Callable[[Sandbox], None]) -> Iterator[Sandbox]:  # noqa: ARG001 - it sets variables
    with Sandbox(limits=Limits()) as sandbox:
        use(sandbox)
        yield sandbox


def test_the_organization_is_compared_with_the_one_expected(
    limited: Sandbox, use_key: Callable[[str, str], None], check: Check
) -> None:
    with BoooplyPlatform() as platform, Store.open() as store:
        Tenants(platform, store).connect(TENANT)
        key = store.keys.get(TENANT.organization_id).reveal()

    assert check("--customer", TENANT.organization_id, code=0)["organization"]["found"] == "the expected organization"
    another = "the key belongs to another organization"
    checks = check("--customer", TENANT.organization_id, "--expect", "org_1", code=4)
    assert failing(checks) == {"organization": [another, "run boooply tenants reconnect ID"]}
    assert "from the store" in checks["key-kind"]["found"]
    use_key(limited.base_url, key)
    assert failing(check("--expect", "org_1", code=4)) == {
        "organization": [another, "set BOOOPLY_API_KEY to the key of the expected organization"]
    }
    assert f"its ID has the digest {digest(TENANT.organization_id)}." in check(code=0)["organization"]["found"]
    assert check("--expect", TENANT.organization_id, code=0)["organization"]["found"] == "the expected organization"


@pytest.mark.usefixtures("sandbox", "empty_store")
def test_a_customer_whom_the_store_does_not_know(run: Run) -> None:
    ran = run("doctor", "--customer", "org_1")

    assert (ran.code, ran.out) == (1, "")
    assert "org_1" in ran.err


def test_a_store_without_a_customer_is_rejected(api: Deviating, run: Run) -> None:
    ran = run("doctor", "--store", "sqlite:///other.db")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "boooply: --store needs --customer: add it, or leave out --store\n"
    assert api.seen == []


def test_a_platform_key_alone_is_never_sent(api: Deviating, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    monkeypatch.delenv("BOOOPLY_API_KEY")
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", api.sandbox.platform_key)
    checks = check(code=0)

    assert api.seen == [("organization", None)]
    assert checks["key-kind"]["found"] == "a platform key, bply_platform_…, from BOOOPLY_PLATFORM_KEY"
    assert checks["clock"]["result"] == "passed"
    because = "a platform key cannot read, so the command does not send it"
    assert {checks[slug]["found"] for slug in SLUGS[SLUGS.index("key-accepted") :]} == {because}


def test_a_key_that_the_api_refuses(api: Deviating, use_key: Callable[[str, str], None], check: Check) -> None:
    use_key(f"http://127.0.0.1:{api.port}", "bply_org_0123456789abcdef")

    checks = check(code=1)
    assert failing(checks) == {"key-accepted": ["the API rejects the key: HTTP 401 INVALID_API_KEY", ANOTHER_KEY]}
    assert differing(checks) == {}
    assert len(api.seen) == 2


def test_a_key_of_the_store_that_the_api_refuses(limited: Sandbox, check: Check) -> None:
    with BoooplyPlatform() as platform, Store.open() as store:
        Tenants(platform, store).connect(TENANT)
    limited.revoke_keys(TENANT.organization_id)

    (_, remedy) = failing(check("--customer", TENANT.organization_id, code=1))["key-accepted"]

    assert remedy == "run boooply tenants reconnect ID, which mints a new key"


def test_a_failure_is_nothing_to_report(api: Deviating, use_key: Callable[[str, str], None], run: Run) -> None:
    use_key(f"http://127.0.0.1:{api.port}", "bply_org_0123456789abcdef")
    ran = run("doctor")

    ran.check_is_fit_for_print()
    assert ran.out.startswith("8 passed, 1 failed, 19 not checked. Sent 2 requests")
    assert f"Remedy: {ANOTHER_KEY}" in ran.words
    assert "differs" not in ran.out
    assert "an issue" not in ran.words


def test_a_platform_key_beside_an_organizations_is_named(
    api: Deviating, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    monkeypatch.setenv("BOOOPLY_PLATFORM_KEY", api.sandbox.platform_key)

    assert check(code=0)["key-kind"]["found"] == (
        "an organization key, bply_org_…, from BOOOPLY_API_KEY; "
        "BOOOPLY_PLATFORM_KEY is also set, but not checked, since a platform key cannot read"
    )


def test_a_key_with_an_unknown_prefix(api: Deviating, use_key: Callable[[str, str], None], check: Check) -> None:
    use_key(f"http://127.0.0.1:{api.port}", "sk_live_0123456789abcdef")

    used = "used as an organization key, from BOOOPLY_API_KEY, but it has no known prefix"
    assert differing(check(code=1))["key-kind"] == [used]


# ---- settings that cannot work


def test_a_platform_key_in_place_of_an_organizations(
    api: Deviating, use_key: Callable[[str, str], None], run: Run
) -> None:
    use_key(f"http://127.0.0.1:{api.port}", api.sandbox.platform_key)
    ran = run("doctor")

    assert (ran.code, ran.out, api.seen) == (2, "", [])
    assert "BOOOPLY_API_KEY is a platform key, but must be an organization key" in ran.err
    assert "BOOOPLY_API_KEY" in ran.err


def test_no_key_and_no_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run("doctor")
    assert ran.code == 2
    assert ran.err.startswith("boooply: there is no key to check: set BOOOPLY_API_KEY")

    monkeypatch.setenv("BOOOPLY_API_KEY", "bply_org_0123456789abcdef")
    ran = run("doctor")
    assert (ran.code, ran.out) == (2, "")
    assert "BOOOPLY_BASE_URL is missing: set it" in ran.err


# ---- an API that does not respond


def test_an_api_that_cannot_be_reached(use_key: Callable[[str, str], None], check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    use_key(f"http://127.0.0.1:{port}", "bply_org_0123456789abcdef")
    checks = check(code=1)

    reason = "the API's host refuses connections (ConnectionRefusedError: Connection refused)"
    assert failing(checks) == {"reachable": [f"organization.get: {reason}", "correct BOOOPLY_BASE_URL"]}
    assert differing(checks) == {}
    assert checks["list-form"]["result"] == checks["clock"]["result"] == "not_checked"


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("503", "HTTP 503"),
        ("reset-before", "the connection broke (ConnectionResetError: Connection reset by peer)"),
        ("drop-midway", "no complete response"),
    ],
)
def test_an_api_that_fails(use_key: Callable[[str, str], None], check: Check, fault: Any, found: str) -> None:
    with Sandbox() as sandbox:
        use_key(sandbox.base_url, sandbox.api_key)
        sandbox.faults.add("organization.get", fault, times=None)

        (shown, remedy) = failing(check(code=1))["reachable"]

    assert shown == f"organization.get: {found}"
    assert remedy.startswith("try again")


def test_a_call_over_the_limit_is_not_sent_again(use_key: Callable[[str, str], None], check: Check) -> None:
    with Sandbox(limits=Limits(reads=1)) as sandbox:
        at_the_start_of_a_window(sandbox)
        use_key(sandbox.base_url, sandbox.api_key)
        checks = check(code=4)

    assert [call.status for call in sandbox.calls] == [401, 200, 429]
    assert differing(checks) == {"rate-limit-reads": ["1 per window, where 100 are documented"]}
    assert checks["list-form"]["found"] == "there was no usable response"


# ---- TLS, certificates and proxies


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Acme Secret Holdings")


@pytest.fixture
def tls_api(authority: trustme.CA) -> Iterator[Deviating]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", not_after=NEXT_YEAR).configure_cert(context)
    with Sandbox(limits=Limits()) as sandbox, Deviating(sandbox, context) as api:
        yield api


@pytest.fixture
def trust(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ada-authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


NEXT_YEAR = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)


@pytest.mark.usefixtures("trust")
def test_a_certificate_of_ones_own_authority(tls_api: Deviating, use_key: Callable[[str, str], None]) -> None:
    use_key(f"https://localhost:{tls_api.port}", tls_api.sandbox.api_key)
    # a separate process, since aiohttp reads the variable when it is imported
    ran = subprocess.run((*COMMAND, "doctor", "--json"), capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - ours
    checks = json.loads(ran.stdout)["checks"]

    assert (ran.returncode, ran.stderr) == (0, "")
    issuer = "an authority of your company or network"
    assert checks["tls"]["found"] == f"TLSv1.3, issued by {issuer}, valid until {NEXT_YEAR.date()}"
    assert checks["certificate-authorities"]["found"] == "those of SSL_CERT_FILE"
    assert not re.search("acme|ada", ran.stdout, re.IGNORECASE)


def test_a_certificate_that_is_not_trusted(
    tls_api: Deviating, use_key: Callable[[str, str], None], check: Check
) -> None:
    use_key(f"https://localhost:{tls_api.port}", tls_api.sandbox.api_key)
    checks = check(code=1)

    reason = "the certificate of the API's host is not trusted (SSLCertVerificationError)"
    remedy = "set SSL_CERT_FILE to your network's certificate authority, or correct BOOOPLY_BASE_URL"
    assert failing(checks) == {"reachable": [f"organization.get: {reason}", remedy]}
    assert tls_api.seen == []


def test_a_proxy_is_named_by_its_variable_alone(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setenv("https_proxy", "http://ada:pw12345678@proxy.acme.invalid:3128")
    monkeypatch.setenv("BOOOPLY_BASE_URL", "https://api.acme.invalid/boooply")
    monkeypatch.setenv("BOOOPLY_API_KEY", "bply_org_0123456789abcdef")
    ran = run("doctor")

    assert ran.code == 1
    ran.check_is_fit_for_print()
    assert "one, set in https_proxy; its address is not shown" in ran.words
    assert "the host of the proxy has no address" in ran.words
    assert "Remedy: check the proxy in https_proxy" in ran.words
    assert "https, a host outside boooply.com with a path; its name is not shown" in ran.words
    assert not re.search("ada|pw1234|acme|3128", ran.out + ran.err)


# ---- the checks by themselves


def observed(**changes: Any) -> Observed:
    settings = Settings(
        base_url="https://api.boooply.com",
        key_kind="an organization key",
        key_prefix="bply_org_",
        key_source="BOOOPLY_API_KEY",
        has_organization_key=True,
        authorities="",
    )
    tls = TLS(version="TLSv1.3", issuer="Let's Encrypt", expires_at=100 * DAY)
    exchange = Exchange(sent_at=0, seconds=0, result=response(b"{}"), tls=tls)
    changed = {name: changes.pop(name) for name in ("base_url",) if name in changes}
    return Observed(
        settings=attrs.evolve(settings, **changed),
        now=0,
        keyless=Reading.of(GET_ORGANIZATION, attrs.evolve(exchange, tls=attrs.evolve(tls, **changes))),
    )


DAY = 86_400


def response(body: bytes, status: int = 200) -> Response:
    return Response(status=status, headers={}, body=body)


def test_a_host_without_an_address_is_blamed_on_the_variable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_BASE_URL", "https://nowhere.invalid")
    monkeypatch.setenv("BOOOPLY_API_KEY", "bply_org_0123456789abcdef")

    ran = run("doctor")

    assert ran.code == 1
    assert "organization.get: the host of BOOOPLY_BASE_URL has no address" in ran.words
    assert "Remedy: correct BOOOPLY_BASE_URL" in ran.words


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, passed("TLSv1.3, issued by Let's Encrypt, valid until 1970-04-11")),
        ({"issuer": "DigiCert Inc"}, passed("TLSv1.3, issued by DigiCert, valid until 1970-04-11")),
        ({"version": "TLSv1.1"}, differs("TLSv1.1, where at least TLSv1.2 is expected")),
        (
            {"expires_at": 13 * DAY},
            differs("TLSv1.3, issued by Let's Encrypt, valid until 1970-01-14, which is within 14 days"),
        ),
    ],
)
def test_certificates(changes: dict[str, Any], found: Finding) -> None:
    assert connection.tls(observed(**changes)) == found


@pytest.mark.parametrize(
    ("base_url", "found"),
    [
        ("https://api.boooply.com", passed("https://api.boooply.com")),
        ("https://notboooply.com", passed("https, a host outside boooply.com; its name is not shown")),
        (
            "https://api.meetings.boooply.com",
            failed("api.meetings.boooply.com, which never existed", "set BOOOPLY_BASE_URL to https://api.boooply.com"),
        ),
    ],
)
def test_addresses(base_url: str, found: Finding) -> None:
    assert connection.base_url(observed(base_url=base_url)) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=12,
)


@given(
    payloads=st.lists(JSON, min_size=5, max_size=5), statuses=st.lists(st.integers(200, 599), min_size=5, max_size=5)
)
def test_no_response_makes_a_check_fail(payloads: list[Any], statuses: list[int]) -> None:
    endpoints: list[Endpoint[Any]] = [
        GET_ORGANIZATION,
        GET_ORGANIZATION,
        LIST_INTERVIEWS,
        GET_INTERVIEW,
        GET_EVALUATION,
    ]
    readings = [
        Reading.of(
            endpoint,
            Exchange(
                sent_at=0, seconds=0, result=response(json.dumps(payload).encode(), status if status > 400 else 200)
            ),
        )
        for endpoint, payload, status in zip(endpoints, payloads, statuses, strict=True)
    ]
    keyless, organization, interviews, interview, evaluation = readings
    all_of_it = Observed(
        settings=observed().settings,
        now=0,
        keyless=keyless,
        organization=organization,
        interviews=interviews,
        interview=interview,
        evaluation=evaluation,
    )

    assert [*examine(all_of_it)] == [*CHECKS]


# ---- the page on assumptions


def test_the_page_on_assumptions_names_every_check_and_no_other() -> None:
    page = Path(__file__).parents[2] / "docs" / "explanation" / "assumptions.md"
    text = page.read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    with_checks = [table.splitlines() for table in tables if "| check |" in table.splitlines()[0]]
    cells = [row.rstrip(" |").rpartition("|")[2].strip() for _, _, *rows in with_checks for row in rows]

    assert len(with_checks) == len(tables) - 1, "only the table of sources has no checks"
    assert all(re.fullmatch(r"(`[a-z-]+`(, )?)+|none: .+", cell) for cell in cells), cells
    assert {slug for cell in cells if not cell.startswith("none") for slug in re.findall("`([a-z-]+)`", cell)} == {
        *SLUGS
    }
