"""The failure of a response, the pause before a retry, and the retries of all calls together."""

from typing import Any

import attrs
import pytest

from boooply import ConfigurationError, RetryPolicy
from boooply.protocol.messages import Idempotency, RateLimitClass, Request, Response
from boooply.protocol.retry import FailureKind, RetryBudget, failure_of

NAMED = Request(
    operation="interviews.get",
    method="GET",
    target="/a",
    template="/a",
    limit=RateLimitClass.READS,
    idempotency=Idempotency.SAFE,
)
MAYBE_EMPTY = attrs.evolve(NAMED, may_be_empty=True)
BY_HAND = attrs.evolve(NAMED, wants_json=False)
MINT = attrs.evolve(NAMED, method="POST", idempotency=Idempotency.UNSAFE, mints=True)
HTML = {"Content-Type": "Text/HTML; charset=utf-8"}
NO_HEADERS: dict[str, str] = {}


@pytest.mark.parametrize(
    ("request_", "status", "body", "headers", "fault"),
    [
        (NAMED, 200, b"{}", NO_HEADERS, None),
        (NAMED, 299, b"{}", NO_HEADERS, None),
        (NAMED, 200, b"", NO_HEADERS, FailureKind.UNREADABLE),
        (NAMED, 200, b"[]", NO_HEADERS, FailureKind.UNREADABLE),
        (NAMED, 200, b"<html>", NO_HEADERS, FailureKind.UNREADABLE),
        (NAMED, 199, b"", NO_HEADERS, None),  # what is no yes is read as the refusal it is
        (NAMED, 300, b"", NO_HEADERS, None),
        (NAMED, 404, b"<html>", HTML, None),
        (NAMED, 428, b"", NO_HEADERS, None),
        (NAMED, 429, b"{}", NO_HEADERS, FailureKind.RATE_LIMITED),
        (NAMED, 430, b"", NO_HEADERS, None),
        (NAMED, 499, b"", NO_HEADERS, None),
        (NAMED, 500, b"{}", NO_HEADERS, FailureKind.SERVER_ERROR),
        (NAMED, 599, b"{}", NO_HEADERS, FailureKind.SERVER_ERROR),
        (MAYBE_EMPTY, 204, b"", NO_HEADERS, None),
        (MAYBE_EMPTY, 200, b"{}", NO_HEADERS, None),
        (MAYBE_EMPTY, 200, b"?", NO_HEADERS, FailureKind.UNREADABLE),
        (BY_HAND, 200, b"", NO_HEADERS, None),
        (BY_HAND, 200, b"", HTML, None),
        (BY_HAND, 200, b"1,2\n", NO_HEADERS, None),
        (BY_HAND, 200, b"1,2\n", HTML, FailureKind.UNREADABLE),
        (BY_HAND, 200, b"  ", HTML, None),
        (BY_HAND, 200, b'{"a": 1}', HTML, None),
        (BY_HAND, 200, b"<html><body>", NO_HEADERS, FailureKind.UNREADABLE),
        (BY_HAND, 200, b" \n<!DOCTYPE HTML>", NO_HEADERS, FailureKind.UNREADABLE),
        (BY_HAND, 200, b"<!doctype htm", NO_HEADERS, None),
        (BY_HAND, 200, b"<ht", {"Content-Type": "image/svg+xml"}, None),
        (BY_HAND, 200, b"text", {"Content-Type": "text/plain; of text/html"}, None),
    ],
)
def test_the_failure_of_a_response(
    request_: Request, status: int, body: bytes, headers: dict[str, str], fault: FailureKind | None
) -> None:
    assert failure_of(request_, Response(status=status, headers=headers, body=body)) is fault


@pytest.mark.parametrize(
    ("body", "is_undecided"),
    [
        (b'{"error": {"details": [{"apiKey": "bply_org_x"}]}}', True),
        (b'{"apiKey": "bply_org_x"}', True),
        (b'{"apiKey": null, "data": {}}', False),
        (b'{"apikey": "x", "APIKEY": "x"}', False),
        (b'{"error": "no"}', False),
        (b'{"apiKey": "bply_', True),
        (b'{"error": "n', False),
    ],
)
def test_an_error_that_contains_a_key_may_have_minted_one(body: bytes, is_undecided: bool) -> None:
    failure = failure_of(MINT, Response(status=400, headers={}, body=body))
    assert failure is (FailureKind.UNDECIDED if is_undecided else None)


@pytest.mark.parametrize(
    ("body", "is_undecided"),
    [
        (b'{"success": false, "apiKey": "bply_org_x"}', True),
        (b'{"success": true, "apiKey": "bply_org_x"}', False),
        (b'{"SUCCESS": false, "apiKey": "bply_org_x"}', False),
        (b'{"success": false}', False),
    ],
)
def test_a_200_that_calls_itself_a_failure_may_have_minted_a_key(body: bytes, is_undecided: bool) -> None:
    failure = failure_of(MINT, Response(status=200, headers={}, body=body))
    assert failure is (FailureKind.UNDECIDED if is_undecided else None)


def test_a_write_whose_response_belongs_to_another_request_is_unreadable() -> None:
    response = Response(status=200, headers={}, body=b"{}")
    wrong = attrs.evolve(MINT, check=lambda _: "another interview")
    assert failure_of(wrong, response) is FailureKind.UNREADABLE
    assert failure_of(attrs.evolve(MINT, check=lambda _: None), response) is None
    # sending a read again would not help: Endpoint.parse raises the error
    assert failure_of(attrs.evolve(wrong, idempotency=Idempotency.SAFE), response) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"attempts": 0}, "retry: attempts must be a whole number above zero"),
        ({"attempts": True}, "retry: attempts must be a whole number above zero"),
        ({"deadline": 0}, "retry: deadline must be a number of seconds above zero, or None"),
        ({"deadline": float("nan")}, "retry: deadline must be a number of seconds above zero, or None"),
        ({"backoff": -0.1}, "retry: backoff must be a number of seconds, not below zero"),
    ],
)
def test_a_policy_that_cannot_be(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(**change)

    assert str(caught.value) == problem


def test_a_policy_may_be_at_its_bounds() -> None:
    policy = RetryPolicy(attempts=1, deadline=0.001, backoff=0)
    assert (policy.attempts, policy.deadline, policy.backoff) == (1, 0.001, 0)
    assert (RetryPolicy().attempts, RetryPolicy().deadline, RetryPolicy().backoff) == (3, None, 0.5)


@pytest.mark.parametrize(
    ("sent", "chance", "seconds"),
    [(1, 0.0, 0.5), (1, 1.0, 0.25), (2, 0.0, 1.0), (3, 0.5, 1.5), (7, 0.0, 30.0), (20, 1.0, 15.0)],
)
def test_the_pause_doubles_less_up_to_half_of_it(sent: int, chance: float, seconds: float) -> None:
    assert RetryPolicy().pause(sent, chance) == seconds


def test_ten_retries_may_be_spent_and_twenty_calls_earn_another() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(19):
        budget.earn()
    assert not budget.spend()
    budget.earn()
    budget.earn()  # the sum of twenty twentieths is a little less than one
    assert budget.spend()
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
