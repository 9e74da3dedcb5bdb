import asyncio
import random
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from fakes import FakeCaller, now, operation, settle, virtual_time
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async import UNSET, APIResponseError, InvalidArgumentError, Page, Pager, RequestOptions, ServerError
from pocketsflow_async._operation import Paging

STYLES = {
    "page": Paging("page", default_size=20, max_size=100),
    "offset": Paging("offset", max_size=100),
    "body-page": Paging("body-page", max_size=100),
    "none": Paging("none", max_size=100),
}
PAGED = ["page", "body-page"]


def pager(caller: FakeCaller, style: str = "page", options: RequestOptions | None = None, **params: Any) -> Pager[int]:
    """A pager over the fake's records."""
    return Pager(caller, operation(name="things.list", paging=STYLES[style]), params, options)


@pytest.mark.parametrize("total", [0, 1, 99, 100, 101, 250])
@pytest.mark.parametrize("style", STYLES)
@virtual_time
async def test_every_way_gives_the_same_records(style, total):
    """However a list is walked, each record comes once and in the API's order."""
    caller = FakeCaller(total, latency=lambda number: [3.0, 1.0, 2.0][number % 3])
    things = pager(caller, style)
    expected = list(range(total))

    assert [one async for one in things] == expected
    assert [one async for one in things.items(concurrency=8)] == expected
    assert [one async for page in things.pages() for one in page.items] == expected
    assert [one async for page in things.pages(concurrency=8) for one in page.items] == expected
    assert [one async for page in things.raw_pages(concurrency=8) for one in page.items] == expected
    assert await things.collect() == expected
    assert await things.collect(concurrency=8) == expected
    assert await things.collect(limit=120, concurrency=3) == expected[:120]
    assert (await things).items == expected[: 20 if style in PAGED else 100 if style == "offset" else None]


@pytest.mark.parametrize(
    ("style", "asked"),
    [("page", {}), ("body-page", {}), ("offset", {"limit": 100, "offset": 0}), ("none", {})],
)
@virtual_time
async def test_awaiting_leaves_the_size_to_the_api(style, asked):
    """One page without a size is asked for without one, except where only the size tells whether more follow."""
    caller = FakeCaller(250)

    page = await pager(caller, style)

    assert caller.asked == [asked]
    assert page.has_more == (style != "none")


@pytest.mark.parametrize(
    ("style", "params", "asked"),
    [
        ("page", {}, [{"page": number, "pageSize": 100} for number in (1, 2, 3)]),
        ("page", {"pageSize": 90}, [{"page": number, "pageSize": 90} for number in (1, 2, 3)]),
        ("page", {"page": 12}, [{"page": number, "pageSize": 20} for number in (12, 13)]),
        ("page", {"page": 1}, [{"page": number, "pageSize": 100} for number in (1, 2, 3)]),
        ("page", {"page": 2, "pageSize": 101}, [{"page": number, "pageSize": 100} for number in (2, 3)]),
        ("body-page", {}, [{"page": number, "pageSize": 100} for number in (1, 2, 3)]),
        ("offset", {}, [{"limit": 100, "offset": offset} for offset in (0, 100, 200, 250)]),
        ("offset", {"offset": 30}, [{"limit": 100, "offset": offset} for offset in (30, 130, 230, 250)]),
        ("offset", {"limit": 90, "offset": 100}, [{"limit": 90, "offset": offset} for offset in (100, 190, 250)]),
        ("offset", {"limit": 500}, [{"limit": 100, "offset": offset} for offset in (0, 100, 200, 250)]),
        ("none", {}, [{}]),
    ],
)
@virtual_time
async def test_iterating_asks_for_the_largest_pages(style, params, asked):
    """A walk takes the largest pages, or those that were asked for, from where it was asked to begin."""
    caller = FakeCaller(250)

    async for _ in pager(caller, style, **params):
        pass

    assert caller.asked == asked


@virtual_time
async def test_one_page_can_be_chosen():
    """Number and size of one page are sent as given, the size no larger than the API's largest."""
    caller = FakeCaller(250)

    second = await pager(caller, page=2, pageSize=50)
    third = await pager(caller, page=3, pageSize=101)

    assert caller.asked == [{"page": 2, "pageSize": 50}, {"page": 3, "pageSize": 100}]
    assert (second.items, third.items) == (list(range(50, 100)), list(range(200, 250)))
    assert (second.has_more, third.has_more) == (True, False)


@virtual_time
async def test_filters_and_options_go_with_every_page():
    """What narrows the list is sent for each page; what was not given is not."""
    caller = FakeCaller(150)
    options = RequestOptions(timeout=3.0)

    await pager(caller, options=options, status="paid", productId=None, startDate=UNSET).collect()

    assert caller.asked == [{"status": "paid", "page": number, "pageSize": 100} for number in (1, 2)]
    assert caller.options == [options, options]


@pytest.mark.parametrize("value", [0, -1, True, "2", 1.5])
@pytest.mark.parametrize(
    ("style", "name", "told"),
    [
        ("page", "page", "page"),
        ("page", "pageSize", "page_size"),
        ("body-page", "page", "page"),
        ("offset", "limit", "limit"),
        ("offset", "offset", "offset"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_at_once(style, name, told, value):
    """A page below 1, an empty page or a negative offset is an error before anything is sent."""
    if (name, value) == ("offset", 0):
        return
    with pytest.raises(InvalidArgumentError, match=rf"^things\.list: {told} must be a whole number"):
        pager(FakeCaller(5), style, **{name: value})


@pytest.mark.parametrize(
    ("walk", "told"),
    [
        (lambda things: things.collect(limit=-1), "limit"),
        (lambda things: things.collect(limit=True), "limit"),
        (lambda things: things.collect(concurrency=0), "concurrency"),
        (lambda things: anext(things.items(concurrency=0)), "concurrency"),
        (lambda things: anext(things.pages(concurrency=-1)), "concurrency"),
        (lambda things: anext(things.raw_pages(concurrency=True)), "concurrency"),
    ],
)
@virtual_time
async def test_a_walk_that_makes_no_sense_asks_for_nothing(walk, told):
    """A negative limit or no concurrency is an error before anything is sent."""
    caller = FakeCaller(5)

    with pytest.raises(InvalidArgumentError, match=told):
        await walk(pager(caller))

    assert caller.asked == []


@virtual_time
async def test_a_limit_of_nothing_asks_for_nothing():
    """No record needs no request."""
    caller = FakeCaller(500)

    assert await pager(caller).collect(limit=0) == []
    assert caller.asked == []


@virtual_time
async def test_a_limit_stops_the_walk():
    """Pages that the limit does not need are not asked for."""
    caller = FakeCaller(500)

    assert await pager(caller).collect(limit=200) == list(range(200))
    assert len(caller.asked) == 2


@pytest.mark.parametrize("concurrency", [1, 2, 8, 50])
@pytest.mark.parametrize("style", STYLES)
@virtual_time
async def test_no_more_pages_are_in_flight_than_allowed(style, concurrency):
    """At most `concurrency` pages are asked for at a time."""
    caller = FakeCaller(3000, latency=lambda number: 1.0 + number % 3)

    await pager(caller, style).collect(concurrency=concurrency)

    assert caller.most_in_flight <= concurrency
    if style in PAGED:
        assert caller.most_in_flight == min(concurrency, 29)


@virtual_time
async def test_pages_side_by_side_take_less_time():
    """Eight pages at a time make 33 pages take five times as long as one."""
    await pager(FakeCaller(3300, latency=lambda _: 1.0)).collect(concurrency=8)

    assert now() == pytest.approx(5.0, abs=0.001)


@pytest.mark.parametrize("pages", [1, 2, 3, 10])
@virtual_time
async def test_without_a_total_no_walk_runs_far_ahead(pages):
    """Where nobody says how many pages there are, no more are asked for in vain than were found."""
    caller = FakeCaller(100 * pages - 50)

    await pager(caller, "offset").collect(concurrency=50)

    assert len(caller.asked) <= 2 * pages


@pytest.mark.parametrize("style", STYLES)
@virtual_time
async def test_breaking_out_cancels_what_is_in_flight(style):
    """Who stops early leaves no request and no task behind."""
    caller = FakeCaller(3000, latency=lambda number: 1.0 + 10.0 * number)

    async for one in pager(caller, style).items(concurrency=8):
        if one == 150:
            break
    await settle()

    assert caller.in_flight == 0
    assert caller.given_up == {"page": 7, "body-page": 7, "offset": 0, "none": 0}[style]


@virtual_time
async def test_cancelling_a_walk_cancels_its_pages():
    """A cancelled walk leaves no request behind."""
    caller = FakeCaller(3000, latency=lambda _: 5.0)
    walk = asyncio.create_task(pager(caller).collect(concurrency=8))
    await asyncio.sleep(7.0)

    walk.cancel()
    with pytest.raises(asyncio.CancelledError):
        await walk

    assert (caller.in_flight, caller.given_up) == (0, 8)


@pytest.mark.parametrize("concurrency", [1, 3, 8])
@virtual_time
async def test_an_error_comes_after_the_pages_before_it(concurrency):
    """Pages 1 to 4 arrive though page 5 failed long before them, and nothing stays in flight."""
    caller = FakeCaller(3000, latency=lambda number: 0.1 if number == 4 else 5.0)
    caller.failing[4] = ServerError("down", status=500)
    found: list[int] = []

    async def walk() -> None:
        async for page in pager(caller).pages(concurrency=concurrency):
            found.extend(page.items)

    with pytest.raises(ServerError, match="down"):
        await walk()
    await settle()

    assert found == list(range(400))
    assert caller.in_flight == 0


@virtual_time
async def test_several_failed_pages_give_one_error():
    """When many pages fail side by side, the first in order is raised and the others are not lost in the log."""
    caller = FakeCaller(3000)
    caller.failing = {number: ServerError(f"down {number}", status=500) for number in range(2, 20)}

    with pytest.raises(ServerError, match="down 2"):
        await pager(caller).collect(concurrency=8)


@pytest.mark.parametrize("style", PAGED)
@virtual_time
async def test_another_page_than_the_one_asked_for_is_an_error(style):
    """A server that ignores the page number would be walked forever; the error says what was asked for."""

    class Stubborn(FakeCaller):
        def page(self, paging: Paging, asked: dict[str, Any]) -> Page[int]:
            return super().page(paging, {**asked, "page": 1})

    things = pager(Stubborn(500), style)

    with pytest.raises(APIResponseError, match="asked for page 2, the API answered with page 1") as caught:
        await things.collect()

    assert caught.value.path == "$.pagination.currentPage"
    with pytest.raises(APIResponseError):
        await pager(Stubborn(500), style, page=3)


@virtual_time
async def test_no_pages_at_all():
    """An empty list says that it has no pages; it is one empty page to us."""
    page = await pager(FakeCaller(0))

    assert (page.items, page.has_more, page.pagination.total_pages) == ([], False, 0)
    assert await pager(FakeCaller(0)).collect(concurrency=8) == []


class Odd(FakeCaller):
    """A list whose answers are changed by the test before they are sent."""

    def __init__(self, total: int, *changes: Callable[[Page[Any], dict[str, Any]], object]) -> None:
        super().__init__(total)
        self.changes = changes

    def page(self, paging: Paging, asked: dict[str, Any]) -> Page[Any]:
        page = super().page(paging, asked)
        for change in self.changes:
            change(page, asked)
        return page


def says(**told: Any) -> Callable[[Page[Any], object], None]:
    """Has every answer say the same of its pages."""

    def change(page: Page[Any], _: object) -> None:
        for name, value in told.items():
            setattr(page.pagination, name, value)

    return change


def without(*numbers: int) -> Callable[[Page[Any], dict[str, Any]], None]:
    """Takes the records from some pages."""

    def change(page: Page[Any], asked: dict[str, Any]) -> None:
        if asked["page"] in numbers:
            page.items.clear()

    return change


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize(
    ("total", "changes", "expected"),
    [
        (450, [without(2, 3), says(total_count=250)], [*range(100), *range(300, 450)]),
        (450, [says(has_more=False)], range(450)),
        (450, [says(total_pages=0)], range(450)),
        (450, [says(total_pages=6, total_count=450)], range(450)),
        (450, [says(has_more=True, total_count=450)], range(450)),
        (450, [says(total_pages=9, total_count=450)], range(450)),
    ],
    ids=["empty pages", "no more", "no pages", "a page too many", "always more", "pages too many"],
)
@virtual_time
async def test_a_walk_goes_on_while_anything_says_that_more_follows(total, changes, expected, concurrency):
    """Neither an empty page, nor hasMore or totalPages alone, ends the walk while the other says that more follows."""
    assert await pager(Odd(total, *changes)).collect(concurrency=concurrency) == list(expected)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (says(has_more=True), "the list ended with page 4 after 250 records, but it has no records, but says that"),
        (says(total_count=1000), "the list ended with page 3 after 250 records, but the API announced 1000"),
        (without(2), "page 3 after 150 records, but 1 of the 3 pages lacked records"),
        (says(total_pages=9), "page 9 after 250 records, but 7 of the 9 pages lacked records"),
        (says(total_pages=10**9), "page 23 after 250 records, but the last 20 pages had no records"),
    ],
)
@virtual_time
async def test_what_cannot_be_read_is_an_error_after_all_that_can(change, told, concurrency):
    """When the API announces more than it gives, the records that it gives come, and then an error."""
    found: list[int] = []

    async def walk() -> None:
        async for page in pager(Odd(250, change)).pages(concurrency=concurrency):
            found.extend(page.items)

    with pytest.raises(APIResponseError, match=told) as caught:
        await walk()

    assert found == [*range(100), *range(200, 250)] if "150" in told else list(range(250))
    assert caught.value.path == "$.pagination"


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("largest", [1, 7, 50, 99])
@virtual_time
async def test_smaller_pages_than_asked_for_lose_nothing(largest, concurrency):
    """A list by offset goes on by the number of records that came, until a page brings nothing."""
    caller = FakeCaller(230)
    caller.page = lambda _, asked: Page(  # type: ignore[method-assign]
        items=list(range(asked["offset"], min(asked["offset"] + min(asked["limit"], largest), 230)))
    )

    assert await pager(caller, "offset").collect(concurrency=concurrency) == list(range(230))
    assert (await pager(caller, "offset")).has_more
    assert not (await pager(caller, "offset", offset=230)).has_more


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("kind", ["the same", "shuffled", "in a circle", "one record"])
@virtual_time
async def test_a_list_that_repeats_itself_is_an_error(kind, concurrency):
    """An offset that is ignored, or wraps around, ends the walk with an error after few pages, not never."""
    draw = random.Random(1)
    total = 1 if kind == "one record" else 530
    caller = FakeCaller(total)

    def page(_: Paging, asked: dict[str, Any]) -> Page[int]:
        start = asked["offset"] if kind == "in a circle" else 0
        items = [place % total for place in range(start, start + min(100, total))]
        return Page(items=draw.sample(items, len(items)) if kind == "shuffled" else items)

    caller.page = page  # type: ignore[method-assign]

    with pytest.raises(APIResponseError, match="ignores which page is asked for"):
        await pager(caller, "offset").collect(concurrency=concurrency)

    assert len(caller.asked) <= 25


@pytest.mark.parametrize(
    ("page", "told", "more"),
    [
        (1, {}, True),
        (3, {}, False),
        (4, {}, False),
        (3, {"has_more": True}, True),
        (4, {"has_more": True}, False),
        (2, {"has_more": False}, True),
        (4, {"total_pages": 5, "has_more": False}, True),
    ],
)
@virtual_time
async def test_a_single_page_says_whether_more_follow(page, told, more):
    """More follow if either hasMore or totalPages says so, but not behind an empty page beyond the last one."""
    assert (await pager(Odd(250, says(**told)), page=page, pageSize=100)).has_more is more


@virtual_time
async def test_a_full_page_without_a_word_of_further_pages_is_not_the_last():
    """Where an answer lacks its pagination, the list ends with a page that is not full."""

    def forget(page: Page[Any], _: object) -> None:
        page.pagination, page.has_more = None, False

    assert [(await pager(Odd(250, forget), page=page)).has_more for page in (1, 12, 13)] == [True, True, False]
    assert await pager(Odd(250, forget)).collect() == list(range(250))


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@virtual_time
async def test_records_that_come_during_the_walk_are_found(concurrency):
    """When the total grows under way, the new pages are walked too."""

    class Growing(FakeCaller):
        def page(self, paging: Paging, asked: dict[str, Any]) -> Page[int]:
            self.total = min(self.total + 60, 1000)
            return super().page(paging, asked)

    found = await pager(Growing(250, latency=lambda _: 1.0)).collect(concurrency=concurrency)

    assert found == sorted(set(found))
    assert found[-1] >= 310


@virtual_time
async def test_records_that_go_during_the_walk_end_it_early():
    """When the total shrinks under way, pages asked for in vain do no harm."""

    class Shrinking(FakeCaller):
        def page(self, paging: Paging, asked: dict[str, Any]) -> Page[int]:
            self.total = max(self.total - 300, 150)
            return super().page(paging, asked)

    assert await pager(Shrinking(1000)).collect(concurrency=8) == list(range(200))


class Weighed(list[int]):
    """Records that can be watched."""


@pytest.mark.parametrize("style", PAGED)
@virtual_time
async def test_a_page_that_was_handed_out_is_not_kept(style):
    """Who drops a page before asking for the next one has only one of them in memory."""
    held: list[weakref.ref[Weighed]] = []

    class Watched(FakeCaller):
        def page(self, paging: Paging, asked: dict[str, Any]) -> Page[int]:
            assert [one() for one in held] == [None] * len(held)
            page = super().page(paging, asked)
            page.items = Weighed(page.items)
            held.append(weakref.ref(page.items))
            return page

    async for page in pager(Watched(450), style).pages():
        del page

    assert len(held) == 5


def test_a_pager_shows_what_it_lists():
    """The repr names the operation."""
    assert repr(pager(FakeCaller(0))) == "<Pager of things.list>"


@given(
    total=st.integers(0, 400),
    size=st.one_of(st.none(), st.integers(1, 130)),
    limit=st.one_of(st.none(), st.integers(0, 500)),
    concurrency=st.integers(1, 12),
    draw=st.randoms(use_true_random=False),
)
@pytest.mark.parametrize("style", STYLES)
def test_each_record_comes_once_and_in_order(style, **drawn):
    """Whatever the sizes, the concurrency and the order in which answers arrive."""
    walk_at_random(style, **drawn)


@virtual_time
async def walk_at_random(style, *, total, size, limit, concurrency, draw) -> None:
    caller = FakeCaller(total, latency=lambda _: draw.choice([0.0, draw.random()]))
    params = {} if style == "none" else {"limit" if style == "offset" else "pageSize": size}

    found = await pager(caller, style, **params).collect(limit=limit, concurrency=concurrency)

    assert found == list(range(total))[:limit]
    assert caller.most_in_flight <= concurrency
    assert caller.in_flight == 0
