import io
from datetime import UTC, datetime, timedelta

import pytest

from pocketsflow_async import QuotaState, RateLimit
from pocketsflow_async.cli._pace import Pace, clock_text
from pocketsflow_async.cli._progress import Lines
from pocketsflow_async.export import ExportProgress

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Clock:
    """Seconds that move when a test says so."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def progress(records, expected=1000, *, resource="orders", pages=None, done=False, quota=None):
    pages = records // 100 if pages is None else pages
    return ExportProgress(resource, records, pages, expected, done, quota)


def quota(*, tokens=0.0, pace=1.0, wait=0.0):
    return QuotaState(
        limit=RateLimit(sustained=100, burst=200, period=60.0),
        tokens=tokens,
        used=0,
        under_way=0,
        waiting=0,
        pace=pace,
        delay=wait,
        next_at=NOW + timedelta(seconds=wait),
    )


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(clock, lambda: NOW)


def test_the_rate_is_that_of_this_run(pace, clock):
    """What an interrupted run had fetched before does not count."""
    pace.add(progress(500))
    assert pace.rate("orders") is None
    assert pace.rate("cats") is pace.left("cats") is None
    clock.now += 4
    pace.add(progress(700))

    assert pace.rate("orders") == 50
    assert pace.left("orders") == 6


def test_the_rate_stands_still_when_all_has_come(pace, clock):
    """Neither the wait for other resources nor records that were there before change how fast it was."""
    for name, expected in (("orders", 500), ("customers", None), ("refunds", 50)):
        pace.add(progress(100, expected, resource=name))
    clock.now += 4
    pace.add(progress(500, 500))
    pace.add(progress(500, None, resource="customers"))
    assert [pace.state(name) for name in ("orders", "customers", "cats")] == ["all read", None, None]
    clock.now += 4
    for name, expected in (("orders", 500), ("customers", None), ("refunds", 50)):
        pace.add(progress(9000, expected, resource=name, done=True))

        assert pace.state(name) == "done"
    assert (pace.rate("orders"), pace.rate("customers"), pace.rate("refunds")) == (100, 50, None)


def test_nobody_knows_how_long_an_unannounced_list_takes(pace, clock):
    """There is no time left without a total, nor when all is done."""
    for records, expected, done in ((100, None, False), (300, None, False), (300, 300, True)):
        clock.now += 1
        pace.add(progress(records, expected, done=done))
        assert pace.left("orders") is None


def test_the_quota_bounds_the_time_left(pace, clock):
    """Where the first burst was fast, the pages that are left take as long as the quota needs for all resources."""
    pace.add(progress(100, 20_000, quota=quota()))
    clock.now += 1
    pace.add(progress(1000, 5000, resource="customers", quota=quota()))
    pace.add(progress(10_000, 20_000, quota=quota(tokens=40, pace=0.5)))

    pages = (20_000 - 10_000) / 100 + (5000 - 1000) / 100
    assert pace.left("orders") == pytest.approx((pages - 40) * 60 / 50)
    pace.add(progress(10_000, 20_000, quota=None))
    assert pace.left("orders") == pytest.approx(10_000 / 9900)


def test_the_wait_ends_when_the_quota_says(pace):
    """A moment that has passed is no wait, and without a quota there is none."""
    for given, wait in ((quota(wait=12.5), 12.5), (quota(wait=-3), 0), (None, 0)):
        pace.add(progress(100, quota=given))
        assert pace.wait() == wait


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (125, "2:05"), (3600, "1:00:00"), (7265, "2:01:05")],
)
def test_times_are_for_people(seconds, text):
    """Seconds, then minutes and seconds, then hours."""
    assert clock_text(seconds) == text


def test_lines_come_every_two_seconds_and_at_the_end(clock):
    """Neither a page nor a resource more is a line; what is done is one at once."""
    out = io.StringIO()
    lines = Lines(out, clock)
    for _ in range(5):
        clock.now += 1
        lines.show(progress(round(clock.now) * 10))
    lines.show(progress(100, None, resource="webhooks"))
    lines.show(progress(200, None, resource="webhooks", done=True))
    lines.show(progress(700, 8, resource="refunds", done=True))

    assert out.getvalue().splitlines() == [
        "orders: 530 of 1000 records, 10/s, 47 s left",
        "orders: 550 of 1000 records, 10/s, 45 s left",
        "webhooks: 200 records, done",
        "refunds: 700 records, done",
    ]


def test_a_line_tells_that_the_quota_is_waited_for(clock):
    """Only a wait of a second or more is worth a word."""
    out = io.StringIO()
    lines = Lines(out, clock)
    lines._pace._now = lambda: NOW
    for wait in (0, 0.5, 28):
        lines.show(progress(100, None, quota=quota(wait=wait)))
        clock.now += 2

    assert out.getvalue().splitlines() == [
        "orders: 100 records",
        "orders: 100 records, quota 28 s",
    ]
