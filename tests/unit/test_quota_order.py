"""Who goes when many wait."""

import asyncio
from itertools import pairwise

import pytest
from fakes import now, settle, virtual_time
from quotas import limiter, look, send


@virtual_time
async def test_first_come_first_served():
    """Requests go in the order in which they asked."""
    quota = limiter(sustained=1, burst=1, period=1.0)
    served: list[int] = []

    async def one(number: int) -> None:
        await quota.acquire()
        served.append(number)
        quota.release()

    await asyncio.gather(*[one(number) for number in range(20)])

    assert served == list(range(20))


@virtual_time
async def test_a_newcomer_does_not_overtake():
    """Who asks in the very moment in which the first in the row may go stands behind the row."""
    quota = limiter(sustained=2, burst=2, period=1.0)
    served: list[str] = []

    async def one(name: str) -> None:
        await quota.acquire()
        served.append(name)
        quota.release()

    row = [asyncio.create_task(one(f"row {number}")) for number in range(6)]
    while len(served) < 6:
        await asyncio.sleep(0.25)
        row.append(asyncio.create_task(one("newcomer")))
    await asyncio.gather(*row)

    assert served[:6] == [f"row {number}" for number in range(6)]


@virtual_time
async def test_a_cancelled_waiter_leaves_no_hole():
    """The turn of a waiter that gave up goes to the one behind it, at the same moment."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    quota.release()
    first, second = asyncio.create_task(quota.acquire()), asyncio.create_task(quota.acquire())
    await settle()

    first.cancel()
    await second

    assert now() == pytest.approx(10.1, abs=0.01)
    assert first.cancelled()


@virtual_time
async def test_a_waiter_cancelled_when_it_was_let_through_gives_its_turn_on():
    """A cancellation between the turn and the waiter's own next step costs nobody a turn."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    waiters = [asyncio.create_task(quota.acquire()) for _ in range(3)]
    await settle()
    quota.release()

    asyncio.get_running_loop().now += 10.2
    look(quota)  # the first is let through, but did not run yet
    waiters[0].cancel()
    await settle()

    assert [waiter.done() for waiter in waiters] == [True, True, False]
    assert waiters[0].cancelled()
    waiters[2].cancel()
    await settle()


@virtual_time
async def test_a_turn_that_comes_before_the_cancelled_waiter_noticed_goes_on():
    """A waiter that was cancelled, but did not run since, is passed over."""
    quota = limiter(sustained=100, burst=1, period=10.0)
    await quota.acquire()
    quota.release()
    first, second = [asyncio.create_task(quota.acquire()) for _ in range(2)]
    await settle()

    first.cancel()
    asyncio.get_running_loop().now += 10.2
    look(quota)  # before the first one's own step
    await settle()

    assert (first.cancelled(), second.done(), second.cancelled()) == (True, True, False)


@virtual_time
async def test_cancelled_waiters_are_forgotten():
    """Nothing is kept of waiters that gave up, though nobody in front of them can go yet."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    front = asyncio.create_task(quota.acquire())
    await settle()
    others = [asyncio.create_task(quota.acquire()) for _ in range(500)]
    await settle()

    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)

    assert quota.state().waiting == 1
    quota.release()
    await front
    assert now() == pytest.approx(10.1, abs=0.01)


@virtual_time
async def test_when_all_gave_up_no_timer_is_left():
    """A limiter that nobody waits for has nothing scheduled."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    quota.release()
    waiter = asyncio.create_task(quota.acquire())
    await settle()

    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)

    assert quota._waiters == {}
    assert not [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]


@virtual_time
async def test_a_call_of_higher_priority_goes_first():
    """Whoever waits with a higher priority goes ahead of all that came before with a lower one."""
    quota = limiter(sustained=1, burst=1, period=1.0)
    served: list[str] = []

    async def one(priority) -> None:
        await quota.acquire(priority)
        served.append(priority)
        quota.release()

    await asyncio.gather(*[one(priority) for priority in ["low"] * 3 + ["normal"] * 3 + ["high"] * 2])

    assert served == ["low", "high", "high", "normal", "normal", "normal", "low", "low"]


@virtual_time
async def test_nobody_starves():
    """A call of low priority is served though higher ones never cease: every tenth turn is the oldest's."""
    quota = limiter(sustained=10, burst=1, period=1.0)
    served: list[str] = []

    async def busy() -> None:
        while True:
            await quota.acquire("high")
            served.append("high")
            quota.release()

    crowd = [asyncio.create_task(busy()) for _ in range(5)]
    await asyncio.sleep(0.5)
    low = [asyncio.create_task(quota.acquire("low")) for _ in range(3)]
    turns = []
    for waiter in low:
        await waiter
        turns.append(len(served))
        quota.release()
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)

    assert [later - earlier for earlier, later in pairwise(turns)] == [9, 9]


@virtual_time
async def test_a_crowd_of_waiters_is_served_in_order():
    """10,000 waiters, half of whom give up, are served in order and at the full rate."""
    quota = limiter(sustained=1000, burst=1000, period=1.0)
    served: list[int] = []

    async def one(number: int) -> None:
        await quota.acquire()
        served.append(number)
        quota.release()

    tasks = [asyncio.create_task(one(number)) for number in range(10_000)]
    await settle()
    for task in tasks[1::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert [number for number in served if number >= 1000] == list(range(1000, 10_000, 2))
    assert now() == pytest.approx(5.05, abs=0.01)


@pytest.mark.parametrize("number", [10, 10_000])
@virtual_time
async def test_a_waiter_costs_the_same_however_many_wait(number, monkeypatch):
    """Serving a row looks at the budget once or twice for each of its calls, whether ten wait or 10,000."""
    quota = limiter(sustained=number, burst=number, period=1.0)
    await send(quota, number)
    looks = 0
    delay = quota._budget.delay

    def counted(moment: float) -> float | None:
        nonlocal looks
        looks += 1
        return delay(moment)

    monkeypatch.setattr(quota._budget, "delay", counted)
    await send(quota, number)

    assert looks <= 2 * number + 2
