"""``boooply provision`` as a separate process, with an API or a proxy that never works."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from boooply.sandbox import Sandbox

Run = Callable[..., Any]
Rows = Callable[[int], Path]

# The command, with runs that stop 3 s after the last success: with the timeout of 30 s it would take 90 s.
IMPATIENT = """
import sys
from boooply.provisioning import outage
from boooply.cli.main import main
outage._PATIENCE = 3.0 - 2 * 30.0
sys.exit(main())
"""


@pytest.fixture
def run_impatiently(run_python: Run) -> Run:
    def run(*arguments: str | Path, **environ: str) -> Any:
        words = (sys.executable, "-W", "error", "-c", IMPATIENT, *map(str, arguments))
        return run_python(words, encoding="utf-8", env=os.environ | environ)

    return run


@pytest.fixture
def counted(run: Run) -> Callable[[], Counter[str]]:
    """Count the customers of the store by their states."""
    return lambda: Counter(row["state"] for row in run("tenants", "list", "--json").rows)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("500", "HTTP 500"), ("503", "HTTP 503"), ("reset-after", "may have been carried out"), ("html", "HTML")],
)
def test_an_outage_of_the_api_is_1_and_leaves_few_in_doubt(
    run_impatiently: Run, sandbox: Sandbox, many_tenants_csv: Rows, counted: Run, fault: Any, reason: str
) -> None:
    sandbox.faults.add("create_organization_api_key", fault, times=None)

    ran = run_impatiently("provision", many_tenants_csv(60), "--concurrency", "4")

    assert ran.returncode == 1, ran
    assert "boooply: the API failed" in ran.stderr
    assert "times in a row" in ran.stderr
    assert reason in ran.stderr
    assert "Traceback" not in ran.stderr
    assert 1 <= counted()["in_doubt"] <= 5 + 4
    assert counted()["connected"] == 0


@pytest.mark.usefixtures("sandbox")
def test_an_api_that_nobody_serves_is_1_and_leaves_nobody_in_doubt(
    run_impatiently: Run, many_tenants_csv: Rows, counted: Run
) -> None:
    ran = run_impatiently(
        "provision", many_tenants_csv(60), "--concurrency", "4", BOOOPLY_BASE_URL="http://127.0.0.1:1"
    )

    assert ran.returncode == 1, ran
    assert "the API failed" in ran.stderr
    assert "refuse" in ran.stderr
    assert counted()["in_doubt"] == 0


class Never(BaseHTTPRequestHandler):
    """An API that always responds with 429, and names no wait."""

    protocol_version = "HTTP/1.1"
    calls = 0

    def do_POST(self) -> None:
        type(self).calls += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"success": false, "error": "slow down"}'
        self.send_response(429)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def never_url() -> Iterator[str]:
    Never.calls = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Never) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("sandbox")
def test_an_endless_429_that_names_no_wait_is_1_and_fails_nobody(
    run_piped: Run, many_tenants_csv: Rows, never_url: str, counted: Run
) -> None:
    ran = run_piped("provision", many_tenants_csv(60), "--concurrency", "4", BOOOPLY_BASE_URL=never_url)

    assert ran.code == 1, ran
    assert "HTTP 429" in ran.err
    assert "slow down" in ran.err
    assert 0 < Never.calls <= 4 * 20
    assert set(counted()) == {"not_sent"}
    ran.check_is_plain()


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    "proxy", ["http://user:pa#ss@host:1", "http://host:notaport", "http://host:99999", "socks5://host:1", "//host:1"]
)
def test_a_mistyped_proxy_is_2_before_there_is_a_store(
    run_piped: Run, many_tenants_csv: Rows, tmp_path: Path, proxy: str
) -> None:
    ran = run_piped("provision", many_tenants_csv(3), BOOOPLY_BASE_URL="https://api.example", HTTPS_PROXY=proxy)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("boooply: https_proxy ")
    assert "pa#ss" not in ran.err
    assert not (tmp_path / "boooply.db").exists()
    ran.check_is_plain()


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("proxy", ["http://user:hush@proxy.invalid:3128", "http://user:hush@127.0.0.1:1"])
def test_a_proxy_that_is_not_there_is_1_and_leaves_nobody_in_doubt(
    run_impatiently: Run, many_tenants_csv: Rows, counted: Run, proxy: str
) -> None:
    ran = run_impatiently(
        "provision", many_tenants_csv(60), BOOOPLY_BASE_URL="https://api.example", HTTPS_PROXY=proxy, NO_PROXY=""
    )

    assert ran.returncode == 1, ran
    assert "proxy" in ran.stderr
    assert "hush" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert counted()["in_doubt"] == 0
