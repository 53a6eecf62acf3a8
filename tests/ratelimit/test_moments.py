"""The moments that a governor keeps, beside a plain list."""

from hypothesis import given
from hypothesis import strategies as st

from boooply.ratelimit.moments import Moments

STEPS = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 2000)), max_size=12)


@given(STEPS)
def test_they_are_what_a_list_would_hold(steps):
    moments, plain, now = Moments(), list[float](), 0.0
    for added, passed in steps:
        for _ in range(added):
            now += 1
            moments.append(now)
            plain.append(now)
        moments.forget(now - passed)
        plain = [one for one in plain if one > now - passed]
        assert list(moments) == plain
        assert list(reversed(moments)) == plain[::-1]
        assert len(moments) == len(plain)
        assert not plain or moments.earliest == plain[0]


def test_what_is_forgotten_gives_its_memory_back():
    moments = Moments()
    for now in range(100_000):
        moments.append(now)
        moments.forget(now - 10)
    assert len(moments) == 10
    assert len(moments._moments) < 100
