"""Each benchmark runs, and does what it measures; how fast is no test."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(BENCHMARKS / "server.py")], stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own words
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


@pytest.mark.parametrize(
    ("script", "figure"),
    [
        ("calls.py boooply get 5 50 URL", "cpu_us"),
        ("calls.py boooply create 5 50 URL", "cpu_us"),
        ("calls.py boooply-uvloop create 5 50 URL", "cpu_us"),
        ("calls.py aiohttp get 5 50 URL", "per_second"),
        ("calls.py aiohttp create 5 50 URL", "per_second"),
        ("parts.py aiohttp_with_care 5 50 URL", "cpu_us"),
        ("parts.py attempted 5 50 URL", "cpu_us"),
        ("parts.py sent 5 50 URL", "cpu_us"),
        ("parts.py read 5 50 URL", "cpu_us"),
        ("parts.py whole 5 50 URL", "cpu_us"),
        ("blocking.py boooply 4 40 URL", "per_second"),
        ("blocking.py boooply 1 40 URL 0", "per_second"),
        ("decoding.py boooply 10", "cpu_us"),
        ("decoding.py pydantic 10", "cpu_us"),
        ("decoding.py orjson 10", "cpu_us"),
        ("encoding.py boooply 10", "cpu_us"),
        ("encoding.py pydantic 10", "cpu_us"),
        ("verifying.py boooply 10", "cpu_us"),
        ("verifying.py hmac_and_json 10", "cpu_us"),
        ("starting.py boooply-client 1", "ms"),
        ("tenants.py boooply 100", "mb"),
        ("bulk.py raw 100 URL", "growth_mb"),
        ("bulk.py boooply 100 URL", "growth_mb"),
        ("bulk.py boooply_store 100 URL", "growth_mb"),
        ("inbox.py 200 50", "per_second"),
    ],
)
def test_it_runs_and_prints_its_figures(base_url: str, script: str, figure: str) -> None:
    name, *words = script.replace("URL", base_url).split()
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, str(BENCHMARKS / name), *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)[figure] >= 0


def test_a_table_has_medians_ranges_and_ratios() -> None:
    command = [sys.executable, str(BENCHMARKS), "--quick", "encoding"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    assert "| boooply |" in ran.stdout
    assert "| pydantic |" in ran.stdout
    assert "msgspec left out: ModuleNotFoundError" in ran.stdout or "| msgspec |" in ran.stdout
    assert "µs a body against pydantic |" in ran.stdout
