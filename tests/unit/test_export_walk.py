"""Exports of an API that behaves in other ways than the sandbox, and of one that keeps the quota, on virtual time."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from fakes import now, virtual_time
from multidict import CIMultiDict

from pocketsflow_async import APIResponseError, Pocketsflow, RateLimit, RateLimiter, RetryPolicy
from pocketsflow_async._executor import Executor
from pocketsflow_async._request import Request
from pocketsflow_async._response import Response
from pocketsflow_async.export import ResourceReport, export

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


class Api:
    """Lists of orders and customers that a test can change at every answer.

    Args:
        count: orders there are at the start, a minute between two of them.
        ends: what it makes of endDate: `moment` is what it says; `ignored`; `day` cuts the whole day off.
        totals: whether it tells how many orders there are.
        largest: records on a page at most.
    """

    def __init__(
        self, count: int, *, ends: str = "moment", totals: bool = True, largest: int = 100, latency: float = 0.0
    ) -> None:
        self.orders = [self.order(number) for number in range(count)]
        self.ends, self.totals, self.largest, self.latency = ends, totals, largest, latency
        self.asked: list[str] = []
        self.times: list[float] = []
        self.after: Callable[[int], object] = lambda _: None

    def order(self, number: int) -> dict[str, str]:
        at = START + dt.timedelta(minutes=number)
        return {"_id": f"{number:024x}", "createdAt": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}

    async def send(self, request: Request) -> Response:
        self.asked.append(request.target)
        self.times.append(now())
        if self.latency:
            await asyncio.sleep(self.latency)
        url = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.answer(url.path, query)
        self.after(len(self.asked))
        return Response(200, CIMultiDict(), msgspec.json.encode(body))

    def answer(self, path: str, query: dict[str, str]) -> Any:
        if path == "/users/me":
            return {"_id": "65f0c0ffee00000000000001", "email": "a@example.com"}
        if path == "/customers":
            offset = int(query["offset"])
            return self.orders[offset : offset + min(int(query["limit"]), self.largest)]
        found = self.orders[::-1]
        end = query.get("endDate")
        if end is not None and self.ends != "ignored":
            latest = dt.datetime.fromisoformat(end)
            if self.ends == "day":
                latest = latest.replace(hour=0, minute=0, second=0, microsecond=0)
            found = [order for order in found if dt.datetime.fromisoformat(order["createdAt"]) <= latest]
        page, size = int(query["page"]), min(int(query["pageSize"]), self.largest)
        pages = -(-len(found) // size)
        told = {"currentPage": page, "totalPages": pages, "hasMore": page < pages}
        if self.totals:
            told["totalCount"] = len(found)
        return {"orders": found[(page - 1) * size : page * size], "pagination": told}

    async def aclose(self) -> None:
        pass


def client(api: Api, quota: RateLimiter | None = None) -> Pocketsflow:
    pf = Pocketsflow("pk_test_a", rate_limit=quota)
    pf._connection._executor = Executor(api, quota, RetryPolicy(), clock=asyncio.get_running_loop().time)
    return pf


async def run(api: Api, folder: Path, name: str = "orders", **options: Any) -> tuple[list[str], ResourceReport]:
    """The ids in the file, and the report."""
    (report,) = (await export(client(api), [name], to=folder, **options)).resources
    return [json.loads(line)["_id"] for line in report.path.read_bytes().splitlines()], report


@pytest.mark.parametrize("ends", ["moment", "ignored", "day"])
@virtual_time
async def test_whatever_the_api_makes_of_an_end_no_order_is_cut_off(tmp_path: Path, ends: str) -> None:
    """An end that the API ignores, or that cuts off too much, is noticed before it is relied on."""
    api = Api(1000, ends=ends)
    ids, report = await run(api, tmp_path)

    assert ids == [order["_id"] for order in reversed(api.orders)]
    assert (report.notes, report.passes) == ((), 1)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("ends", ["ignored", "day"])
@virtual_time
async def test_orders_that_come_in_hide_none_where_no_window_closes(
    tmp_path: Path, ends: str, concurrency: int
) -> None:
    """Where the API does not close the window, new orders push the others back, and all that was there is read."""
    api = Api(1000, ends=ends)
    there = {order["_id"] for order in api.orders}
    api.after = lambda count: api.orders.append(api.order(999 + count)) if count < 60 else None
    ids, report = await run(api, tmp_path, concurrency=concurrency)

    assert there <= set(ids)
    assert len(ids) == len(set(ids))
    assert (report.passes, report.complete, report.notes) == (1, True, ())


@pytest.mark.parametrize("totals", [True, False])
@virtual_time
async def test_deletions_hide_nothing(tmp_path: Path, *, totals: bool) -> None:
    """Whether or not the API tells a total, what a deletion moves past the walk is on a page that overlaps."""
    api = Api(1000, totals=totals)
    there = {order["_id"] for order in api.orders}
    gone: list[str] = []

    def after(count: int) -> None:
        if count in {5, 7, 9}:
            gone.append(api.orders.pop()["_id"])

    api.after = after
    ids, report = await run(api, tmp_path, concurrency=1)

    assert there - set(gone) <= set(ids)
    assert len(ids) == len(set(ids)) == report.records
    assert (report.passes, report.gaps, report.notes) == (1, 3, ())
    assert report.expected == (997 if totals else None)


@pytest.mark.parametrize("totals", [True, False])
@virtual_time
async def test_an_order_dated_back_while_another_goes_hides_none(tmp_path: Path, *, totals: bool) -> None:
    """Even where the total stays the same, because one goes as another comes, nothing that moved is missed."""
    api = Api(1000, totals=totals)
    there = {order["_id"] for order in api.orders}
    gone: list[str] = []

    def after(count: int) -> None:
        if count in {5, 7, 9}:
            gone.append(api.orders.pop()["_id"])
            api.orders.insert(1, api.order(1) | {"_id": f"back{count}"})

    api.after = after
    ids, report = await run(api, tmp_path, concurrency=1)

    assert there - set(gone) <= set(ids)
    assert (report.complete, report.notes) == (True, ())


def fixed(api: Api) -> Callable[[str, dict[str, str]], Any]:
    """Answers with pages of 100, whatever is asked for."""
    answer = api.answer
    return lambda path, query: answer(path, query | {"pageSize": "100"})


@virtual_time
async def test_where_sizes_are_ignored_two_equal_readings_are_the_proof(tmp_path: Path) -> None:
    """Where no pages overlap, a list that stands still is read twice; one that does not is never called complete."""
    api = Api(1000)
    api.answer = fixed(api)  # type: ignore[method-assign]
    ids, report = await run(api, tmp_path / "quiet")
    assert sorted(ids) == [order["_id"] for order in api.orders]
    assert (report.complete, report.notes, report.passes) == (True, (), 2)

    api = Api(1000, totals=False)
    api.answer = fixed(api)  # type: ignore[method-assign]
    api.after = lambda _: api.orders.pop()
    _, report = await run(api, tmp_path / "busy")
    assert (report.complete, report.passes) == (False, 3)
    assert "one that was there all the time may be missing" in report.notes[0]


@pytest.mark.parametrize(
    ("told", "complete", "note"),
    [
        ({"totalCount": 1000, "totalPages": 10}, False, "announced 1000 records and returned fewer"),
        ({"totalPages": 10}, False, "contradicted itself"),
        ({"totalCount": 1000}, False, "announced 1000 records and returned fewer"),
        ({"totalCount": 250, "hasMore": True}, True, "contradicted itself"),
        ({"totalCount": 250, "hasMore": False}, True, "contradicted itself"),
        ({"hasMore": True}, False, "contradicted itself"),
    ],
)
@virtual_time
async def test_what_the_api_contradicts_is_a_note(
    tmp_path: Path, told: dict[str, Any], note: str, *, complete: bool
) -> None:
    """More announced than returned, or an answer against itself, is said; only a total that fits makes it complete."""
    api = Api(250, totals=False)
    answer = api.answer

    def odd(path: str, query: dict[str, str]) -> Any:
        found = answer(path, query)
        if path == "/orders":
            found["pagination"] |= told
        return found

    api.answer = odd  # type: ignore[method-assign]
    ids, report = await run(api, tmp_path)

    assert len(ids) == 250
    assert report.complete is complete
    assert any(note in one for one in report.notes)


@virtual_time
async def test_records_without_an_id_are_kept_once_and_said(tmp_path: Path) -> None:
    """They stay where they overlap with nothing that has an id, and none of them comes twice."""
    api = Api(250)
    for place in range(0, 250, 3):
        api.orders[place] = api.orders[place] | {"_id": None}  # type: ignore[dict-item]
    _, report = await run(api, tmp_path)

    assert (report.records, report.duplicates, report.complete) == (250, 0, True)
    assert report.notes == ("orders: 84 records have no id: nothing tells whether one of them is in the file twice",)


@virtual_time
async def test_what_a_list_that_stands_still_costs(tmp_path: Path) -> None:
    """Pages that overlap take a seventh more requests; two more close the window and look for what came in."""
    requests = []
    for name, count in (("orders", 100), ("orders", 150), ("orders", 10_000), ("customers", 10_000), ("customers", 1)):
        _, report = await run(Api(count, totals=False), tmp_path / f"{name}{count}", name)
        assert report.complete
        requests.append(report.requests)

    assert requests == [1, 2 + 2, 114 + 2, 102, 2]


@pytest.mark.parametrize("largest", [100, 40, 2])
@pytest.mark.parametrize("count", [0, 1, 2, 39, 40, 41, 99, 100, 101, 250])
@virtual_time
async def test_a_smaller_largest_page_than_asked_for_ends_no_list_early(
    tmp_path: Path, count: int, largest: int
) -> None:
    """Lists by offset are read to their end, even if the API gives smaller pages than it is asked for."""
    ids, report = await run(Api(count, largest=largest), tmp_path, "customers")

    assert ids == [f"{number:024x}" for number in range(count)]
    assert (report.duplicates, report.notes) == (0, ())


@virtual_time
async def test_an_answer_to_another_question_is_not_believed_at_once(tmp_path: Path) -> None:
    """A page without ids or without word of further pages is asked for again; one that is always so is taken."""
    api = Api(300)
    answer, strange = api.answer, [2]

    def odd(path: str, query: dict[str, str]) -> Any:
        if query.get("page") == "2" and strange[0]:
            strange[0] -= 1
            return [{"unexpected": True}]
        return answer(path, query)

    api.answer = odd  # type: ignore[method-assign]
    ids, report = await run(api, tmp_path)
    assert len(ids) == report.records == 300
    assert report.requests == 4 + 2 + 2  # 4 pages, 2 to close the window and to prove, 2 in vain

    api = Api(300)
    api.answer = lambda path, _: answer(path, {}) if path == "/users/me" else [{"unexpected": True}]  # type: ignore[method-assign]
    (report,) = (await export(client(api), ["orders"], to=tmp_path / "odd")).resources
    assert report.path.read_bytes() == b'{"unexpected":true}\n'


@virtual_time
async def test_an_answer_that_is_never_understood_ends_the_export(tmp_path: Path) -> None:
    """After eight tries the API's nonsense is the caller's error, and no file appears."""
    api = Api(300)
    api.answer = lambda path, _: {"_id": "1", "email": "a@example.com"} if path == "/users/me" else {"no": 1}  # type: ignore[method-assign]
    with pytest.raises(APIResponseError):
        await export(client(api), ["orders"], to=tmp_path)

    assert len(api.asked) == 1 + 8
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pages", [300, 600])
@virtual_time
@pytest.mark.once
async def test_the_quota_is_used_to_97_percent(tmp_path: Path, pages: int) -> None:
    """An export takes hardly longer than the quota demands for its pages alone."""
    api = Api(pages * 100, latency=0.1)
    quota = RateLimiter(RateLimit(), clock=asyncio.get_running_loop().time)
    report = await export(client(api, quota), ["orders"], to=tmp_path, concurrency=8)

    assert report.resources[0].records == pages * 100
    best = (len(api.asked) - 200) / 100 * 60.0  # a burst of 200, then 100 a minute
    assert best <= api.times[-1]
    assert best / api.times[-1] >= 0.97 or pages < 600
    assert len(api.asked) <= 1.15 * pages + 3  # the overlap; whose account, the window closed, the proof


@virtual_time
async def test_pages_are_fetched_side_by_side(tmp_path: Path) -> None:
    """With 50 ms of latency and 16 at a time, an export is at least ten times as fast as page after page."""
    one, many = Api(20_000, latency=0.05), Api(20_000, latency=0.05)
    begin = now()
    await run(one, tmp_path / "one", concurrency=1)
    alone = now() - begin
    begin = now()
    await run(many, tmp_path / "many", concurrency=16)

    assert alone / (now() - begin) >= 10
