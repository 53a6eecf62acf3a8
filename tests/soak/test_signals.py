"""Ten thousand signals whose handler makes blocking calls, or closes: none of them hangs."""

import pytest

from tests.blocking.conftest import kind, run_program  # noqa: F401 - fixtures
from tests.blocking.test_hangs import STORM


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize(("closing", "each"), [(0.0, 100), (0.3, 3)], ids=["calls", "calls and close"])
def test_ten_thousand_signals(run_program, closing: float, each: int) -> None:  # noqa: F811 - the fixture
    done = run_program(f"TIMEOUT, SIGNALS, CLOSING, EACH = 280, 10_000, {closing}, {each}{STORM}", timeout=300)

    assert (done.stdout.strip(), done.stderr, done.returncode) == ("True True True", "", 0)
