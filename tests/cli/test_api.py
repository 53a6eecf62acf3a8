"""``boooply api``: one call of the API with any path."""

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from boooply.sandbox import Sandbox

Run = Callable[..., Any]

ORGANIZATION = "/api/integration/organization"
INTERVIEWS = "/api/integration/interviews"
MINT = "/api/server-auth/create-api-key"
JANE = {"name": "Jane", "email": "jane@example.com", "role": "CANDIDATE"}
INTERVIEW = {"meetingType": "AI_ONLY", "jobRole": "Köchin", "participants": [JANE]}


@pytest.fixture(autouse=True)
def ready(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOOPLY_API_KEY", sandbox.api_key)


@pytest.fixture
def respond(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Serve one response to every request, from another API."""
    sent: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(sent["status"])
            for name, value in sent["headers"].items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent["body"])))
            self.end_headers()
            self.wfile.write(sent["body"])

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("BOOOPLY_BASE_URL", f"http://127.0.0.1:{server.server_port}/gateway")

    def respond(body: bytes, status: int = 200, **headers: str) -> None:
        sent.update(body=body, status=status, headers={"Content-Type": "application/json"} | headers)

    yield respond
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", [ORGANIZATION, ORGANIZATION[1:], "BASE" + ORGANIZATION, "base" + ORGANIZATION])
@pytest.mark.parametrize("method", ["GET", "get"])
def test_the_body_is_printed_as_it_came(run: Run, sandbox: Sandbox, method: str, path: str) -> None:
    ran = run("api", method, path.replace("BASE", sandbox.base_url).replace("base", sandbox.base_url.upper()))

    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["organization"]["name"] == "Sandbox Company"
    assert ran.out.count("\n") == 1


def test_the_body_is_indented_in_a_terminal(run_in_terminal: Run) -> None:
    ran = run_in_terminal("api", "GET", ORGANIZATION)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith('{\r\n  "success": true,\r\n  "organization": {\r\n    "id": ')


def test_a_terminal_gets_no_control_character(run_in_terminal: Run, respond: Callable[..., None]) -> None:
    respond('{"name": "\\u009b2J\\u202eMüller"}'.encode())

    ran = run_in_terminal("api", "GET", "/x")

    assert ran.out == '{\r\n  "name": "\\u009b2J\\u202eMüller"\r\n}\r\n'


@pytest.mark.parametrize("source", ["text", "file", "stdin", "@stdin"])
def test_data_is_json_from_anywhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    body = json.dumps(INTERVIEW)
    (tmp_path / "body.json").write_text(f"\ufeff{body}", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO(body))
    data = {"text": body, "file": f"@{tmp_path / 'body.json'}", "stdin": "-", "@stdin": "@-"}[source]

    created = run("api", "POST", INTERVIEWS, "--data", data)
    listed = run(
        "api", "GET", INTERVIEWS, "--query", "limit=5", "--query", "status=SCHEDULED", "--query", "status=ACTIVE"
    )

    assert (created.code, created.err) == (0, "")
    assert json.loads(listed.out)["pagination"]["total"] == 1
    assert "Köchin" in listed.out


def test_the_key_of_a_customer_comes_from_the_store(
    run: Run, sandbox: Sandbox, many_tenants_csv: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("provision", many_tenants_csv(2)).code == 0
    monkeypatch.delenv("BOOOPLY_API_KEY")

    ran = run("api", "GET", ORGANIZATION, "--customer", "org_1")
    other = run("api", "GET", ORGANIZATION, "--customer", "org_9")

    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["organization"]["externalOrgId"] == "org_1"
    assert (other.code, other.out) == (1, "")
    assert "org_9" in other.err
    assert sandbox.mints == {"org_0": 1, "org_1": 1}


def test_the_key_of_the_platform_is_an_option(run: Run, sandbox: Sandbox) -> None:
    ran = run("api", "GET", ORGANIZATION, "--platform")

    assert ran.code == 1
    assert "GET /api/integration/organization: HTTP 40" in ran.err
    assert sandbox.calls[-1].status in {401, 403}


def test_an_error_of_the_api_is_1_and_its_body_is_printed(run: Run) -> None:
    ran = run("api", "GET", "/nowhere")

    assert ran.code == 1
    assert json.loads(ran.out) == {"success": False, "error": "Not Found", "code": "ROUTE_NOT_FOUND"}
    assert ran.err == "boooply: GET /nowhere: HTTP 404 ROUTE_NOT_FOUND: Not Found\n"


def test_a_write_that_may_have_been_carried_out_says_so(run: Run, sandbox: Sandbox) -> None:
    sandbox.faults.add("interviews.create", "commit-then-drop")

    ran = run("api", "POST", INTERVIEWS, "--data", json.dumps(INTERVIEW))

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"boooply: POST {INTERVIEWS}: it may have been carried out (no response")
    assert "It was not sent again" in ran.err
    assert json.loads(run("api", "GET", INTERVIEWS).out)["pagination"]["total"] == 1


@pytest.mark.parametrize(
    "path", [MINT, f"{MINT}/", MINT.replace("-api", "%2Dapi"), MINT.replace("/c", "//c"), f"{MINT}?x=1"]
)
def test_minting_is_refused(run: Run, sandbox: Sandbox, path: str) -> None:
    ran = run("api", "POST", path, "--platform", "--data", "{}")

    assert (ran.code, ran.out) == (2, "")
    assert "this call mints a key, which would be lost: use boooply provision" in ran.err
    assert not sandbox.calls


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("FETCH", "/x"), "method: must be one of GET, POST"),
        (("GET", "https://api.example.com/x"), "the URL is not one of the API at http://127.0.0.1:"),
        (("GET", "//api.example.com/x"), "the URL is not one of the API"),
        (("GET", "http://[/x"), "the URL is not one of the API"),
        (("GET", "/a b"), "path: contains characters that must be percent-encoded"),
        (("GET", "/a/../b"), "path: contains the segment . or .."),
        (("GET", "/x", "--query", "status"), "--query must be NAME=VALUE"),
        (("GET", "/x", "--data", "{}"), "GET has no body: give --query instead of --data"),
        (("POST", "/x", "--data", '{"key": secret}'), "--data is not JSON at line 1, column 9: Expecting value"),
        (("POST", "/x", "--data", "@nowhere.json"), "nowhere.json cannot be read: No such file or directory"),
        (("POST", "/x", "--data", "@latin.json"), "latin.json is not UTF-8"),
        (("GET", "/x", "--customer", "1", "--platform"), "--customer and --platform exclude each other"),
        (("GET", "/x", "--store", "sqlite:///x.db"), "--store is for --customer"),
    ],
)
def test_a_wrong_command_is_2_and_sends_nothing(
    run: Run, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "latin.json").write_bytes('"ü"'.encode("latin-1"))
    monkeypatch.chdir(tmp_path)

    ran = run("api", *words)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"boooply: {says}")
    assert "secret" not in ran.err
    assert not sandbox.calls


def test_a_missing_key_is_2_and_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOOPLY_API_KEY")

    ran = run("api", "GET", "/x")

    assert (ran.code, ran.out) == (2, "")
    assert "BOOOPLY_API_KEY" in ran.err


def test_keys_are_masked_in_a_response_and_links_are_not(
    run: Run, sandbox: Sandbox, respond: Callable[..., None]
) -> None:
    link = "https://meet.example/x?token=abcdefgh"
    respond(json.dumps({"apiKey": "bply_org_0123456789abcdef", "sent": sandbox.api_key, "joinUrl": link}).encode())

    ran = run("api", "GET", "/x")

    assert ran.code == 0
    assert json.loads(ran.out)["apiKey"] == "bply_org_…cdef"
    assert json.loads(ran.out)["joinUrl"] == link
    assert sandbox.api_key not in ran.out
    assert ran.err == "boooply: the response contains a key, which is masked\n"


def test_include_prints_the_status_and_the_headers_without_secrets(
    run: Run, sandbox: Sandbox, respond: Callable[..., None]
) -> None:
    respond(
        b"{}", 404, **{"Set-Cookie": "session=abcdefghijklmnop", "X-Echo": f"Bearer {sandbox.api_key}", "X-Ray": "on"}
    )

    ran = run("api", "GET", "/x", "--include")

    assert (ran.code, ran.out) == (1, "{}\n")
    assert ran.err.startswith("HTTP 404\n")
    assert "X-Ray: on\n" in ran.err
    assert "session=" not in ran.err
    assert sandbox.api_key not in ran.err
    assert ran.err.endswith("boooply: GET /x: HTTP 404: no reason given\n")


def test_an_empty_body_prints_the_status(run: Run, respond: Callable[..., None]) -> None:
    respond(b"", 204)

    ran = run("api", "GET", "/x")

    assert (ran.code, ran.out, ran.err) == (0, "", "boooply: HTTP 204, with an empty body\n")


def test_a_page_is_not_a_response_of_the_api(run: Run, respond: Callable[..., None]) -> None:
    respond(b"<!doctype html><p>Please log in", **{"Content-Type": "text/html"})

    ran = run("api", "GET", "/x")

    assert (ran.code, ran.out) == (1, "")
    assert "GET /x" in ran.err
    assert "a page of HTML" in ran.err


def test_another_path_of_the_same_host_is_refused(run: Run, respond: Callable[..., None]) -> None:
    respond(b"{}")
    host = os.environ["BOOOPLY_BASE_URL"].removesuffix("/gateway")

    assert run("api", "GET", f"{host}/gateway/x").code == 0
    assert run("api", "GET", f"{host}/x").code == 2
