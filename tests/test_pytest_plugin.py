"""The fixtures in a user's tests: a separate pytest, without any configuration."""

import subprocess
import sys
from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]

THREE_LINES = """
    from boooply import AIInterview, Candidate

    def test_nobody_is_invited_twice(boooply_sandbox, boooply_blocking_client):
        jane = Candidate(name="Jane", email="jane@example.com")
        boooply_blocking_client.interviews.create(AIInterview(job_role="Engineer", candidate=jane))
        boooply_sandbox.assert_nobody_emailed_twice()
        boooply_sandbox.assert_within_limits()
        assert [email.to for email in boooply_sandbox.sent_emails] == ["jane@example.com"]
"""


Run = Callable[..., pytest.RunResult]
# without plugins that users and fixtures do not need, since importing hypothesis takes a second
OPTIONS = ("-W", "error", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")


@pytest.fixture
def run(pytester: pytest.Pytester, run_python: Callable[..., subprocess.CompletedProcess[str]]) -> Run:
    """Run a file of tests; ``imported`` are the modules that pytest's process has imported before."""

    def run(code: str, *, scope: str = "function", imported: tuple[str, ...] = ("aiohttp",)) -> pytest.RunResult:
        pytester.makepyfile(code)
        settings = "asyncio_default_fixture_loop_scope = function"  # else pytest-asyncio warns
        pytester.makeini(f"[pytest]\n{settings}\nboooply_fixture_scope = {scope}")
        words = [sys.executable, "-m", "pytest", f"--basetemp={pytester.path}/temporary", *OPTIONS]
        ran = run_python(words, modules=("pytest", "cattrs", *imported), cwd=pytester.path, text=True)
        return pytest.RunResult(ran.returncode, ran.stdout.splitlines(), ran.stderr.splitlines(), 0)

    return run


def test_an_unknown_scope_is_named(run: Run) -> None:
    ran = run(THREE_LINES, scope="test")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    expected = "ERROR: boooply_fixture_scope must be one of function, class, module, package, session, not 'test'"
    assert [line for line in ran.errlines if line] == [expected]


def test_a_blocking_integration_is_tested_in_a_few_lines(run: Run) -> None:
    run(THREE_LINES).assert_outcomes(passed=1)


@pytest.mark.parametrize("runner", ["asyncio", "anyio"])
def test_an_async_integration_is_tested_with_either_plugin(run: Run, runner: str) -> None:
    code = f"""
        import pytest
        from boooply import AIInterview, Candidate, Tenant

        pytestmark = pytest.mark.{runner}

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        async def test_async(boooply_sandbox, boooply_platform, boooply_client):
            tenant = Tenant(user_id="1", user_email="a@acme.example", organization_id="org_1")
            key = await boooply_platform.create_organization_api_key(tenant)
            assert (await boooply_platform.organization(key.api_key).organization.get()).external_org_id == "org_1"
            assert (await boooply_client.organization.get()).external_org_id is None
            assert boooply_sandbox.mints == {{"org_1": 1}}
    """
    run(code).assert_outcomes(passed=1)


def test_webhooks_are_handed_over_by_hand_or_over_http(run: Run) -> None:
    code = """
        import http.server, threading
        from boooply import AIInterview, BoooplyClient, Candidate
        from boooply.webhooks import EvaluationEvent, Webhook

        def an_end(client, sandbox):
            jane = Candidate(name="Jane", email="jane@example.com")
            sandbox.play(client.interviews.create(AIInterview(job_role="Engineer", candidate=jane)).code)

        def test_by_hand(boooply_sandbox, boooply_webhooks):
            an_end(BoooplyClient(), boooply_sandbox)  # the variables lead to the sandbox
            events = [Webhook().verify(one.body, one.headers) for one in boooply_webhooks.requests]
            assert any(isinstance(event, EvaluationEvent) for event in events)

        def test_over_http(boooply_sandbox, boooply_blocking_client, boooply_blocking_platform, boooply_webhooks):
            taken = []

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    taken.append(Webhook().verify(body, self.headers.items()).event)
                    self.send_response(204)
                    self.end_headers()

                def log_message(self, *args):
                    pass

            with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
                threading.Thread(target=server.serve_forever, daemon=True).start()
                boooply_webhooks.url = f"http://127.0.0.1:{server.server_port}/"
                an_end(boooply_blocking_client, boooply_sandbox)
                boooply_webhooks.wait()
                server.shutdown()
            assert "interview.evaluation" in taken
    """
    run(code).assert_outcomes(passed=2)


def test_a_run_without_the_fixtures_pays_nothing(run: Run) -> None:
    code = """
        import sys

        def test_nothing():
            assert "boooply.sandbox" not in sys.modules
            assert "aiohttp" not in sys.modules
    """
    run(code, imported=()).assert_outcomes(passed=1)


def test_an_assertion_that_fails_says_what_happened(run: Run) -> None:
    twice = THREE_LINES.replace(
        "boooply_sandbox.assert_nobody",
        "boooply_blocking_client.interviews.create("
        'AIInterview(job_role="Engineer", candidate=jane))\n        boooply_sandbox.assert_nobody',
    )
    result = run(twice)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*invitations went out twice (1), the second time for Boooply-AI-*"])


@pytest.mark.parametrize("runner", ["asyncio", "anyio"])
def test_the_fixtures_can_last_for_the_whole_session(run: Run, runner: str) -> None:
    code = f"""
        import os
        import pytest
        from boooply import AIInterview, Candidate, Tenant

        def create(number):
            return AIInterview(job_role="Engineer", candidate=Candidate(name="J", email=f"{{number}}@example.com"))

        @pytest.fixture(scope="session")
        def anyio_backend():
            return "asyncio"

        @pytest.fixture(scope="session")
        def code(boooply_blocking_client):
            return boooply_blocking_client.interviews.create(create(0)).meeting_code

        @pytest.mark.{runner}
        @pytest.mark.parametrize("number", [1, 2])
        async def test_async(boooply_sandbox, boooply_client, boooply_platform, code, number):
            assert (await boooply_client.interviews.get(code)).meeting_code == code
            await boooply_client.interviews.create(create(number))
            tenant = Tenant(user_id="1", user_email="a@acme.example", organization_id="org_1")
            await boooply_platform.create_organization_api_key(tenant)
            assert os.environ["BOOOPLY_BASE_URL"] == boooply_sandbox.base_url

        def test_last(boooply_sandbox, boooply_blocking_platform, boooply_webhooks, code):
            assert boooply_sandbox.mints == {{"org_1": 2}}
            assert len(boooply_sandbox.sent_emails) == 3
    """
    run(code, scope="session").assert_outcomes(passed=3)
