"""Reading rate-limit headers, and comparing the API's clock with ours."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boooply.ratelimit.headers import RateLimitHeaders, ServerClock, read_headers
from boooply.ratelimit.limiter import RateLimiter

DATE = 1900000000.0  # 17 March 2030, 17:46:40


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, RateLimitHeaders()),
        ({"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "3"}, RateLimitHeaders(limit=10, remaining=3)),
        ({"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "-3"}, RateLimitHeaders()),
        ({"X-RateLimit-Limit": "ten", "X-RateLimit-Remaining": "٣"}, RateLimitHeaders()),
        ({"X-RateLimit-Reset": "30"}, RateLimitHeaders(resets_in=30.0)),
        ({"X-RateLimit-Reset": "1900000000"}, RateLimitHeaders()),
        (
            {"X-RateLimit-Reset": "1900000030", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(resets_at=1900000030.0, resets_in=30.0),
        ),
        (
            {"X-RateLimit-Reset": "1900000030500", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(resets_at=1900000030.5, resets_in=30.5),
        ),
        (
            {"X-RateLimit-Reset": "2030-03-17T17:47:10Z", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(resets_at=1900000030.0, resets_in=30.0),
        ),
        ({"X-RateLimit-Reset": "soon", "Date": "yesterday"}, RateLimitHeaders()),
        ({"Retry-After": "7"}, RateLimitHeaders(retry_after=7.0)),
        (
            {"Retry-After": "Sun, 17 Mar 2030 17:46:47 GMT", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(retry_after=7.0),
        ),
        (
            {"X-RateLimit-Reset": "2030-03-17T19:47:10+02:00", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(resets_at=1900000030.0, resets_in=30.0),
        ),
        (
            {"X-RateLimit-Reset": "2030-03-17T17:47:10", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(resets_at=1900000030.0, resets_in=30.0),
        ),
        (
            {"Retry-After": "Sun, 17 Mar 2030 17:46:40 GMT", "Date": "Sun, 17 Mar 2030 17:46:40 GMT"},
            RateLimitHeaders(retry_after=0.0),
        ),
        ({"Retry-After": "Sun, 17 Mar 2030 17:46:47 GMT"}, RateLimitHeaders()),
        ({"Retry-After": "-7"}, RateLimitHeaders()),
        ({"Retry-After": "nan"}, RateLimitHeaders()),
    ],
)
def test_headers_are_read_in_every_form(headers: dict[str, str], expected: RateLimitHeaders) -> None:
    assert read_headers(headers) == expected


header_values = st.text() | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(str)


@given(
    headers=st.dictionaries(
        st.sampled_from(["Date", "Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]),
        header_values,
    )
)
def test_headers_with_any_content_are_read_and_accepted_by_a_limiter(headers: dict[str, str]) -> None:
    limiter = RateLimiter(10, 60)
    for now, rate_limited in ((1, False), (2, True)):
        limiter.advance(now - 1)
        started = limiter.start()
        limiter.advance(now)
        observed = ServerClock().read(headers, sent=started, received=now)
        limiter.finish(observed, started=started, rate_limited=rate_limited)

    assert limiter.delay() >= 0
    assert limiter.wait(100) >= 0


@pytest.mark.parametrize(
    ("known", "date", "sent", "received", "ahead"),
    [
        (None, 100.0, 90.0, 90.2, 9.8),
        (9.8, 101.0, 91.0, 91.1, 9.9),  # nearer
        (9.9, 102.0, 92.5, 92.6, 9.9),  # cut off by more
        (9.9, 110.0, 95.0, 105.0, 9.9),  # long on its way
        (9.0, 100.0, 92.0, 92.05, 9.0),  # at the bound
        (9.5, 100.0, 92.0, 92.05, 7.95),  # beyond it
        (9.9, 50.0, 110.0, 110.1, -60.1),  # a clock was set back
        (9.9, 200.0, 111.0, 111.1, 88.9),  # or forward
    ],
)
def test_the_response_that_shows_the_apis_clock_furthest_ahead_is_believed(known, date, sent, received, ahead) -> None:
    clock = ServerClock(known)
    clock.read({"Date": formatdate(date, usegmt=True)}, sent=sent, received=received)
    assert clock.ahead == pytest.approx(ahead)


def test_a_response_without_date_shows_nothing_of_the_apis_clock() -> None:
    clock = ServerClock(9.9)
    assert clock.read({"X-RateLimit-Reset": "30"}, sent=1.0, received=2.0) == RateLimitHeaders(resets_in=30.0)
    assert clock.ahead == 9.9


@pytest.mark.parametrize(
    ("reset", "resets_at", "resets_in"),
    [
        ("1900000030", 30.0, 29.7),  # it is 0.3 s past the date there
        ("1900000000.2", 0.2, 0.001),  # the window ended on the way
        ("1899999999", -1.0, -1.0),  # malformed
        ("30", None, 30.0),  # in seconds from now
        ("soon", None, None),
    ],
)
def test_what_is_known_of_the_apis_clock_makes_the_end_of_a_window_exact(reset, resets_at, resets_in) -> None:
    headers = {"Date": "Sun, 17 Mar 2030 17:46:40 GMT", "X-RateLimit-Limit": "7", "X-RateLimit-Reset": reset}
    read = ServerClock(9.9).read(headers, sent=DATE - 9.7, received=DATE - 9.6)
    assert read.limit == 7
    assert read.resets_at == (None if resets_at is None else DATE + resets_at)
    assert read.resets_in == (None if resets_in is None else pytest.approx(resets_in))
