from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async._config import RateLimit
from pocketsflow_async.sandbox._quota import Quota

MILLISECOND = Fraction(1, 1000)


def taken(quota: Quota, tries: int) -> int:
    """How many of so many tries are admitted."""
    return sum(quota.take("a key") == 0 for _ in range(tries))


def test_a_full_burst_is_admitted_at_once_and_not_one_more(clock):
    """200 requests may come at once; the 201st waits until the window has passed."""
    quota = Quota(RateLimit(), clock)

    assert taken(quota, 250) == 200
    assert quota.take("a key") == 60.0


def test_after_a_period_the_sustained_number_is_admitted(clock):
    """A bucket emptied by a burst holds 100 tokens one period later."""
    quota = Quota(RateLimit(), clock)
    taken(quota, 200)

    clock.now += 60.0

    assert taken(quota, 250) == 100


def test_a_full_bucket_does_not_beat_the_window(clock):
    """Tokens refilled during a burst do not let more than a burst into one period."""
    quota = Quota(RateLimit(sustained=100, burst=200, period=60.0), clock)
    admitted = taken(quota, 100)
    clock.now += 30.0
    admitted += taken(quota, 200)
    clock.now += 29.0
    admitted += taken(quota, 200)

    assert admitted == 200


def test_refused_requests_cost_nothing(clock):
    """Hammering does not move the moment of the next admission."""
    quota = Quota(RateLimit(sustained=1, burst=2, period=10.0), clock)
    taken(quota, 2)
    for _ in range(9):
        clock.now += 1.0
        assert quota.take("a key") > 0
    clock.now += 1.0

    assert quota.take("a key") == 0


def test_callers_do_not_share(clock):
    """What one key uses up, another still has."""
    quota = Quota(RateLimit(sustained=1, burst=1, period=10.0), clock)

    assert [quota.take(name) for name in ("one", "one", "two")] == [0, 10.0, 0]


def test_a_clock_that_steps_back_gives_nothing_away(clock):
    """Time that runs backwards refills nothing."""
    quota = Quota(RateLimit(sustained=1, burst=1, period=10.0), clock)
    quota.take("a key")
    clock.now -= 5.0

    assert quota.take("a key") == pytest.approx(10.0)


def allowed(limit: RateLimit, admitted: list[Fraction], now: Fraction) -> bool:
    """Both limits, looked up in the whole past; the bucket was full at the start."""
    period = Fraction(limit.period)
    window = sum(now - moment < period for moment in admitted) + 1
    if window > limit.burst:
        return False
    for place, moment in enumerate(admitted):
        since = len(admitted) - place + 1
        if since > limit.burst + (now - moment) * limit.sustained / period:
            return False
    return True


@given(
    sustained=st.integers(1, 6),
    burst=st.integers(1, 6),
    period=st.sampled_from([0.25, 1.0, 3.0]),
    steps=st.lists(st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 4000)), min_size=1, max_size=60),
)
def test_admissions_are_exactly_those_that_both_limits_allow(
    sustained: int, burst: int, period: float, steps: list[int]
):
    """Whatever the rhythm, a request is refused if and only if it would break a limit, and the wait is exact."""
    limit = RateLimit(sustained=sustained, burst=burst, period=period)
    elapsed = 0
    quota = Quota(limit, lambda: elapsed / 1000)
    admitted: list[Fraction] = []
    for step in steps:
        elapsed += step
        now = elapsed * MILLISECOND

        wait = quota.take("a key")

        assert (wait == 0) == allowed(limit, admitted, now)
        if wait == 0:
            admitted.append(now)
        else:
            exact = Fraction(round(wait * 10**9), 10**9)
            assert allowed(limit, admitted, now + exact)
            assert not allowed(limit, admitted, now + exact - Fraction(1, 10**9))
