"""What the server says of its own count: 429, and headers."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from fakes import answer, now, settle, virtual_time
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from quotas import TOLERANCE, limiter, send

from pocketsflow_async import RateLimiter
from pocketsflow_async._quota_headers import Advice, read_advice
from pocketsflow_async._response import Response


def too_many(retry_after: float | None = None) -> Response:
    """A 429."""
    return answer(429, **({} if retry_after is None else {"retry_after": f"{retry_after:f}"}))


async def was_refused(quota: RateLimiter, retry_after: float | None) -> None:
    """One request that was answered with 429."""
    await quota.acquire()
    quota.release(too_many(retry_after))


async def was_told(quota: RateLimiter, **headers: str) -> None:
    """One request that was answered with these headers."""
    await quota.acquire()
    quota.release(answer(**headers))


@virtual_time
async def test_after_a_429_everybody_waits_and_one_probes():
    """Nobody goes before Retry-After; then one request goes alone, then two side by side, then four."""
    quota = limiter()
    await was_refused(quota, 30.0)

    moments = await send(quota, 15, latency=0.1)

    assert moments == pytest.approx([30.0] + [30.1] * 2 + [30.2] * 4 + [30.3] * 8, abs=0.01)


@virtual_time
async def test_a_probe_that_is_refused_holds_everybody_again():
    """While the server still refuses, one request asks after each pause, and no other."""
    quota = limiter()
    await was_refused(quota, 30.0)
    moments: list[float] = []

    async def one() -> None:
        await quota.acquire()
        moments.append(now())
        quota.release(too_many(30.0) if now() < 100 else None)

    await asyncio.gather(*[one() for _ in range(4)])

    assert moments == pytest.approx([30.0, 60.0, 90.0, 120.0], abs=0.01)


@virtual_time
async def test_what_the_bucket_held_and_the_pace_are_halved():
    """After a burst was refused, half of the bucket is left, which is refilled half as fast."""
    quota = limiter(sustained=60, burst=200, period=60.0)
    await was_refused(quota, 1.0)

    moments = await send(quota, 110)

    assert [moment for moment in moments[:99] if moment > 1.01] == []
    assert moments[105] - moments[104] == pytest.approx(1.4, abs=0.1)


@virtual_time
async def test_a_429_holds_waiters_that_had_a_time_already():
    """A refusal also postpones those whose turn was worked out before."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    waiter = asyncio.create_task(quota.acquire())
    await settle()

    quota.release(too_many(15.0))
    await asyncio.sleep(14.0)
    waiting = not waiter.done()
    await waiter

    assert waiting


@virtual_time
async def test_a_shorter_pause_does_not_end_a_longer_one():
    """Of several refusals the one that asks for most counts."""
    quota = limiter()

    await asyncio.gather(quota.acquire(), quota.acquire())
    quota.release(too_many(30.0))
    quota.release(too_many(1.0))
    await quota.acquire()

    assert now() == pytest.approx(30.0, abs=0.01)


@pytest.mark.parametrize(("wish", "pause"), [(None, 1.0), (0.0, 0.6), (50.0, 50.0), (1e308, 120.0)])
@virtual_time
async def test_a_pause_has_its_bounds(wish, pause):
    """A second where the server says nothing, at least one request's share, at most two minutes."""
    quota = limiter()

    await was_refused(quota, wish)
    await quota.acquire()

    assert now() == pytest.approx(pause, abs=0.01)


@virtual_time
async def test_a_row_of_refusals_slows_down_once():
    """Refusals of requests that were sent before the pause say nothing new."""
    quota = limiter()
    for _ in range(5):
        await quota.acquire()
    for _ in range(5):
        quota.release(too_many(10.0))

    assert quota.state().pace == pytest.approx(0.5, abs=0.01)


@virtual_time
async def test_the_pace_falls_with_every_new_refusal_but_not_below_a_sixteenth():
    """Each pause that ends in another refusal halves the pace again, down to a sixteenth."""
    quota = limiter()
    paces = []
    for _ in range(6):
        await was_refused(quota, 1.0)
        paces.append(quota.state().pace)

    assert paces == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16, 1 / 16], abs=0.01)


@virtual_time
async def test_the_pace_recovers_little_by_little():
    """With every answer the pace comes back by a four hundredth; two hundred answers after one refusal it is whole."""
    quota = limiter()
    await was_refused(quota, 1.0)

    await send(quota, 100)
    half_way = quota.state().pace
    await send(quota, 100)

    assert half_way == pytest.approx(0.75)
    assert quota.state().pace == pytest.approx(1.0)


@virtual_time
async def test_a_stranger_on_the_same_key_costs_few_refusals():
    """While somebody else spends most of the quota, fewer than one in ten of our requests are refused."""
    quota = limiter(sustained=100, burst=100, period=10.0)
    level, filled, refused = 100.0, 0.0, 0
    loop = asyncio.get_running_loop()

    def take() -> bool:
        nonlocal level, filled
        level, filled = min(level + (now() - filled) * 10, 100.0), now()
        if level < 1:
            return False
        level -= 1
        return True

    def stranger() -> None:
        take()
        if now() < 60:
            loop.call_later(0.125, stranger)  # eight of the ten requests that a second has room for

    async def one() -> None:
        nonlocal refused
        await quota.acquire()
        await asyncio.sleep(0.02)
        granted = take()
        await asyncio.sleep(0.02)
        refused += not granted
        quota.release(None if granted else too_many(1.0))

    stranger()
    await asyncio.gather(*[one() for _ in range(300)])

    assert 0 < refused < 30


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"RateLimit": '"default";r=50;t=30'}, Advice(50, 30)),
        ({"RateLimit": '"burst";r=3;t=1, "day";r=900;t=4000'}, Advice(3, 1)),
        ({"RateLimit-Policy": '"default";q=100;w=60'}, Advice(policies=((100, 60),))),
        ({"RateLimit-Policy": '"burst";q=10;w=1, "day";q=1000;w=86400'}, Advice(policies=((10, 1), (1000, 86400)))),
        ({"RateLimit": "limit=100, remaining=50, reset=30"}, Advice(50, 30)),
        ({"RateLimit-Policy": "100;w=60"}, Advice(policies=((100, 60),))),
        ({"RateLimit-Remaining": "7", "RateLimit-Reset": "12"}, Advice(7, 12)),
        ({"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "12"}, Advice(0, 12)),
        ({"x-ratelimit-remaining": "0"}, Advice(0)),
        ({"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "soon"}, Advice()),
        ({"RateLimit-Policy": "q=0;w=0"}, Advice()),
        ({"Content-Type": "application/json"}, None),
    ],
)
def test_the_headers_in_use_are_understood(headers, expected):
    """All three ways of telling a quota, and nonsense, which is ignored."""
    assert read_advice(CIMultiDict(headers)) == expected


@pytest.mark.parametrize("scale", [1, 1000])
def test_a_reset_may_be_a_moment(scale):
    """A reset as seconds or milliseconds since 1970 becomes seconds to wait."""
    moment = datetime.now(UTC).timestamp() + 40

    advice = read_advice(CIMultiDict({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": str(int(moment * scale))}))

    assert advice is not None
    assert advice.reset == pytest.approx(40, abs=5)


names = st.sampled_from(["RateLimit", "RateLimit-Policy", "X-RateLimit-Remaining", "RateLimit-Reset"])
texts = st.one_of(st.text(), st.from_regex(r'("\w*"|\d*|\w*=)?([;,] ?[rtqw](=\d*)?)*', fullmatch=True))


@given(st.dictionaries(names, texts))
@virtual_time
async def test_no_header_confuses_the_quota(headers):
    """Whatever stands in the headers: requests still go, sooner or later."""
    quota = limiter()
    await quota.acquire()
    quota.release(Response(200, CIMultiDict(headers), b""))

    await quota.acquire("low")

    assert now() <= 200.0


@virtual_time
async def test_a_remainder_below_ours_is_believed():
    """Where the server has room for 3 more, three go at once and the fourth after the reset."""
    quota = limiter()
    await was_told(quota, ratelimit='"default";r=3;t=20')

    moments = await send(quota, 4)

    assert moments == pytest.approx([0, 0, 0, 20.6], abs=0.01)


@virtual_time
async def test_no_remainder_means_wait_for_the_reset():
    """Where nothing is left, nobody goes before the reset; the pace stays."""
    quota = limiter()
    await was_told(quota, x_ratelimit_remaining="0", x_ratelimit_reset="20")

    moments = await send(quota, 2)

    assert moments == pytest.approx([20.6, 21.2], abs=0.01)
    assert quota.state().pace == 1


@virtual_time
async def test_a_server_that_counts_like_us_does_not_slow_us_down():
    """Remainders that we knew already change nothing: 600 requests still take 4 periods."""
    quota = limiter()
    left = 200

    async def one() -> None:
        nonlocal left
        await quota.acquire()
        left -= 1
        said = left
        await asyncio.sleep(0.05)
        quota.release(answer(ratelimit=f'"default";r={max(said, 1)};t=60'))

    for _ in range(3):
        await asyncio.gather(*[one() for _ in range(200)])
        left = 200

    assert now() <= 4 * 60.0 + 2 * 0.7


@virtual_time
async def test_a_stricter_policy_is_kept():
    """A policy of 10 in 60 seconds leaves ten in a minute, not two hundred."""
    quota = limiter()
    await was_told(quota, ratelimit_policy='"default";q=10;w=60')

    moments = await send(quota, 19)

    assert [sum(begin <= moment < begin + 60 for moment in moments) for begin in (0.0, 60.6)] == [9, 10]


ODD = [
    {"ratelimit_policy": "1;w=999999999"},
    {"ratelimit_policy": "1;w=3600"},
    {"ratelimit_policy": '"a";q=0.001;w=1, "b";q=1;w=86400, "c";q=0;w=1'},
    {"ratelimit_policy": '"a";q=NaN;w=60, "b";q=-1;w=60'},
    {"ratelimit": "limit=0"},
    {"ratelimit": '"a";r=0;t=31536000'},
    {"ratelimit": '"a";r=-5;t=-5, "b";r=1;t=999999999999999'},
    {"ratelimit": "limit=1, remaining=0, reset=9", "ratelimit_policy": "1;w=9", "x_ratelimit_remaining": "5"},
    {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(2**50)},
    {"ratelimit_remaining": "0", "ratelimit_reset": "9" * 400},
    {"ratelimit_remaining": "0", "retry_after": "1e12"},
]


@pytest.mark.parametrize("status", [200, 404, 502, 503])
@pytest.mark.parametrize("headers", ODD)
@virtual_time
async def test_an_odd_header_that_comes_once_is_forgotten_within_two_minutes(status, headers):
    """Two minutes later a whole burst goes at once, as if nothing had been said."""
    quota = limiter()
    await quota.acquire()
    quota.release(answer(status, **headers))
    await asyncio.sleep(120.0)
    begin = now()

    moments = await send(quota, 200)

    assert moments[-1] - begin < TOLERANCE


@pytest.mark.parametrize("headers", ODD)
@virtual_time
async def test_with_an_odd_header_in_every_answer_a_request_goes_every_two_minutes(headers):
    """No pause is longer than that, and one request goes at a time to see whether the server still says so."""
    quota = limiter()
    moments: list[float] = []

    async def one() -> None:
        await quota.acquire()
        moments.append(now())
        await asyncio.sleep(0.1)
        quota.release(answer(**headers))

    await asyncio.gather(*[one() for _ in range(205)])

    assert max(later - earlier for earlier, later in pairwise(moments)) <= 121.0


@virtual_time
async def test_a_policy_is_forgotten_after_ten_answers_without_it():
    """A gateway said it once, the server does not."""
    quota = limiter()
    for _ in range(11):
        await quota.acquire()
    quota.release(answer(ratelimit_policy="11;w=60"))
    for _ in range(10):
        quota.release(answer())

    moments = await send(quota, 189)

    assert moments[-1] < TOLERANCE


@virtual_time
async def test_a_policy_that_is_repeated_is_kept():
    """For ten minutes, ten requests in each, though our own limits allow a hundred."""
    quota = limiter()
    moments: list[float] = []

    async def one() -> None:
        await quota.acquire()
        moments.append(now())
        quota.release(answer(ratelimit_policy="10;w=60"))

    await one()
    await asyncio.gather(*[one() for _ in range(99)])

    assert max(sum(begin <= moment < begin + 60 for moment in moments) for begin in moments) == 10
    assert now() == pytest.approx(9 * 60.6, abs=1.0)


@virtual_time
async def test_a_policy_that_is_not_heard_of_any_more_is_tried_with_one_request():
    """When it was last said two minutes ago, one request goes alone; as it is said again, it holds."""
    quota = limiter()
    await was_told(quota, ratelimit_policy="1;w=3600")
    moments: list[float] = []

    async def one() -> None:
        await quota.acquire()
        moments.append(now())
        await asyncio.sleep(1.0)
        quota.release(answer(ratelimit_policy="1;w=3600"))

    await asyncio.gather(*[one() for _ in range(3)])

    assert moments == pytest.approx([120.0, 241.0, 362.0], abs=0.01)


@virtual_time
async def test_a_slow_call_does_not_hold_back_the_probe_after_a_429_for_ever():
    """One that was sent before, and takes ten minutes, holds the others for two."""
    quota = limiter()
    await quota.acquire()
    await was_refused(quota, 1.0)

    await quota.acquire()

    assert now() == pytest.approx(120.0, abs=0.01)


@virtual_time
async def test_a_laxer_policy_changes_nothing():
    """What we know to be the limit stays the limit."""
    quota = limiter()
    await was_told(quota, ratelimit_policy='"default";q=5000;w=60')

    moments = await send(quota, 200)

    assert moments[-1] == pytest.approx(60.6, abs=TOLERANCE)
