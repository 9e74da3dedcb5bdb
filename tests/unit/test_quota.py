import asyncio
import random

import pytest
from counting import SERVERS, CalendarWindow
from fakes import answer, now, settle, virtual_time
from quotas import TOLERANCE, limiter, send

from pocketsflow_async import RateLimit


@virtual_time
async def test_a_burst_goes_at_once_and_not_one_more():
    """200 requests go at once; the next one goes a period and the margin after the first answers."""
    moments = await send(limiter(), 201)

    assert moments[199] < TOLERANCE
    assert moments[200] == pytest.approx(60.6, abs=TOLERANCE)


@virtual_time
async def test_after_the_burst_the_bucket_gives_what_it_refilled():
    """When the window opens after a burst, the 100 that were refilled go at once, then one every 0.6 seconds."""
    moments = await send(limiter(), 320)

    assert moments[200:300] == pytest.approx([60.6] * 100, abs=TOLERANCE)
    assert moments[300:] == pytest.approx([61.2 + 0.6 * number for number in range(20)], abs=TOLERANCE)


@pytest.mark.parametrize(("number", "periods"), [(200, 0), (300, 1), (400, 2), (600, 4), (1000, 8)])
@virtual_time
async def test_many_requests_take_as_long_as_the_limits_demand(number, periods):
    """600 requests take 4 periods and 1000 take 8, and only the margin of a hundredth of a period on top."""
    moments = await send(limiter(), number)

    assert periods * 60.0 - TOLERANCE <= moments[-1] <= periods * 60.0 + 0.6 + TOLERANCE


@virtual_time
async def test_an_answer_under_way_holds_its_place():
    """A request counts until a period and the margin after its answer: the server may have seen it that late."""
    quota = limiter(sustained=100, burst=2, period=10.0)

    moments = await send(quota, 3, latency=25.0)

    assert moments == pytest.approx([0.0, 0.0, 35.1], abs=TOLERANCE)


@virtual_time
async def test_waiters_wait_for_an_answer_where_no_clock_helps():
    """When every place is under way, nobody goes, however long it takes; the first answer starts the period."""
    quota = limiter(sustained=100, burst=1, period=10.0)
    await quota.acquire()
    waiter = asyncio.create_task(quota.acquire())

    await asyncio.sleep(1000.0)
    waiting = not waiter.done()
    quota.release()
    await waiter

    assert waiting
    assert now() == pytest.approx(1010.1, abs=TOLERANCE)


@pytest.mark.parametrize(("period", "counts"), [(10.0, 30.0), (60.0, 180.0), (3600.0, 3720.0)])
@virtual_time
async def test_a_request_that_was_given_up_counts_for_two_periods_more(period, counts):
    """A frozen server may still read it: it counts as not seen for two periods, at most two minutes, then for one."""
    quota = limiter(sustained=100, burst=1, period=period)
    await quota.acquire()
    quota.give_up()

    await quota.acquire()

    assert now() == pytest.approx(counts, abs=TOLERANCE)


@virtual_time
async def test_a_gateway_that_gave_up_counts_like_us():
    """After a 504 the server behind the gateway may still have the request in its socket."""
    quota = limiter(sustained=100, burst=1, period=10.0)
    await quota.acquire()
    quota.release(answer(504))

    await quota.acquire()

    assert now() == pytest.approx(30.0, abs=TOLERANCE)


@virtual_time
async def test_a_request_that_was_never_written_does_not_count():
    """Its permit goes to the next call at once, also where one waits already."""
    quota = limiter(sustained=1, burst=1, period=1000.0)
    await quota.acquire()
    waiter = asyncio.create_task(quota.acquire())
    await settle()

    quota.put_back()
    await waiter
    quota.put_back()

    assert now() < TOLERANCE
    assert (quota.state().used, quota.state().tokens) == (0, 1)


@virtual_time
async def test_a_few_timeouts_slow_nobody_down():
    """With one request in twenty given up, 600 requests still take four periods, and hardly more."""
    quota = limiter()

    async def one(number: int) -> None:
        await quota.acquire()
        (quota.give_up if number % 20 == 7 else quota.release)()

    await asyncio.gather(*[one(number) for number in range(600)])

    assert now() <= 4.1 * 60.0


@virtual_time
async def test_a_response_shortens_the_wait_behind_requests_that_were_given_up():
    """Who waits for those to be forgotten goes as soon as a response makes room."""
    quota = limiter(sustained=100, burst=2, period=10.0)
    await quota.acquire()
    await quota.acquire()
    quota.give_up()
    waiter = asyncio.create_task(quota.acquire())

    await asyncio.sleep(1.0)
    quota.release()
    await waiter

    assert now() == pytest.approx(11.1, abs=TOLERANCE)


@virtual_time
async def test_an_idle_bucket_is_full_again():
    """After enough idle time a full burst goes at once, as at the beginning."""
    quota = limiter()
    await send(quota, 200)
    await asyncio.sleep(200.0)
    begin = now()

    moments = await send(quota, 200)

    assert moments[-1] - begin < TOLERANCE


PAGES = 500
JITTER = 0.02
LIMIT = RateLimit(sustained=100, burst=200, period=4.0)


@pytest.mark.parametrize("concurrency", [8, 50, 500])
@pytest.mark.parametrize("kind", SERVERS)
@virtual_time
async def test_no_server_ever_answers_429_and_none_is_idle_for_long(kind, concurrency):
    """500 pages over a shaky network, however the server counts: no 429, and 0.97 of the best possible rate."""
    chance = random.Random(7)
    server = kind(LIMIT)
    quota = limiter(LIMIT.sustained, LIMIT.burst, LIMIT.period)
    refused = []
    turns = asyncio.Semaphore(concurrency)

    async def page() -> None:
        async with turns:
            await quota.acquire()
            await asyncio.sleep(chance.uniform(0, JITTER))
            if not server.admits(now()):
                refused.append(now())
            await asyncio.sleep(chance.uniform(0, JITTER))
            quota.release()

    await asyncio.gather(*[page() for _ in range(PAGES)])

    best = 3 * LIMIT.period
    assert refused == []
    assert best / now() >= 0.97


@pytest.mark.parametrize("phase", [0.1, 1.3, 3.9])
@virtual_time
async def test_calendar_windows_may_begin_at_any_time(phase):
    """Where the server's minute begins does not matter."""
    server = CalendarWindow(LIMIT, phase)
    quota = limiter(LIMIT.sustained, LIMIT.burst, LIMIT.period)

    moments = await send(quota, 700, latency=JITTER)

    assert all(server.admits(moment + JITTER) for moment in moments)
