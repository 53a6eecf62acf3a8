"""When a run sends a single request at a time, and when it stops."""

import pytest

from boooply.provisioning.outage import Outage


def down(timeout: float = 30.0) -> Outage:
    """Return an outage after three failures at 0 s."""
    outage = Outage(timeout=timeout)
    for name in ("a", "b", "c"):
        assert outage.may_send(name, 0.0)
        outage.fail(name, 0.0, "HTTP 500")
    return outage


def test_after_three_failures_in_a_row_only_the_probe_is_sent() -> None:
    outage = down()
    outage.probe = "d"

    assert (outage.may_send("d", 1.0), outage.may_send("e", 1.0)) == (True, False)


def test_a_success_ends_the_outage() -> None:
    outage = down()
    outage.probe = "d"
    outage.succeed(5.0)

    assert (outage.is_down, outage.may_send("e", 5.0)) == (False, True)


@pytest.mark.parametrize("timeout", [0.1, 1.0, 30.0, 120.0])
@pytest.mark.parametrize("attempt", [0.0, 1.0])
def test_three_probes_at_most_go_out_after_growing_pauses_and_end_in_time(timeout: float, attempt: float) -> None:
    outage, now, pauses = down(timeout), attempt * timeout, list[float]()
    outage.fail("in flight", now, "no response")
    while (pause := outage.next_probe(now)) is not None:
        pauses.append(pause)
        now += pause + attempt * timeout
        outage.probe = f"probe {len(pauses)}"
        outage.fail(outage.probe, now, "HTTP 500")

    assert 1 <= len(pauses) <= 3
    assert pauses == sorted(pauses)
    assert now <= 2 * timeout + 30


def test_a_probe_that_sent_nothing_costs_no_further_pause() -> None:
    outage = down()
    pause = outage.next_probe(0.0)
    assert pause is not None
    outage.probe = "already connected"

    assert outage.next_probe(pause) == 0.0


def test_a_wait_for_the_rate_limit_is_no_outage() -> None:
    outage = Outage(timeout=30.0)
    outage.succeed(0.0)
    for name in ("a", "b", "c"):
        outage.may_send(name, 3600.0)
        outage.fail(name, 3601.0, "HTTP 500")

    assert outage.next_probe(3601.0) is not None


def test_the_pauses_of_a_run_that_stops_are_a_twentieth_of_its_patience_and_three_times_as_long_each_time() -> None:
    outage = Outage(timeout=30.0)
    outage.succeed(100.0)
    for name in ("a", "b", "c"):
        outage.fail(name, 102.0, "HTTP 500")

    assert outage.next_probe(103.0) == 3.5  # patience is 90 s: due at 102 + 4.5
    outage.probe = "d"
    outage.fail("d", 107.0, "HTTP 500")
    assert outage.next_probe(107.0) == 13.5
    outage.fail("d", 121.0, "HTTP 500")
    assert outage.next_probe(121.0) is None  # due at 161.5, and an attempt would end after 190


def test_a_probe_may_end_just_as_the_patience_does() -> None:
    outage = Outage(timeout=30.0)
    outage.succeed(0.0)
    for name in ("a", "b", "c"):
        outage.fail(name, 0.0, "HTTP 500")
    outage.probe = "d"
    outage.fail("d", 46.5, "HTTP 500")

    assert outage.next_probe(46.5) == 13.5  # due at 60, ends at 90
    assert outage.next_probe(60.5) is None


def test_a_run_that_does_not_stop_sends_a_probe_each_minute() -> None:
    outage = Outage(timeout=30.0, is_endless=True)
    for name in ("a", "b", "c"):
        outage.fail(name, 10.0, "HTTP 500")

    assert [outage.next_probe(now) for now in (10.0, 30.0, 69.5, 70.0, 500.0)] == [60.0, 40.0, 0.5, 0.0, 0.0]
