"""Records that no spec foresees: none of them stops an export, and an audit finds them again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pocketsflow_async import Pocketsflow
from pocketsflow_async.export import audit, export
from pocketsflow_async.export._formats import FORMATS

RECORDS = [
    b'{"_id":"a","createdAt":"2024-01-03T00:00:00Z","note":"cut \\ud83d"}',
    b'{"_id":42,"createdAt":"2024-01-02T00:00:00Z"}',
    b'{"createdAt":"2024-01-02T00:00:00Z"}',
    b'{"_id":null}',
    b"null",
    b'{"_id":"twice","_id":"same"}',
    b'{"_id":"b\\u0000\\u001b[2J","grossAmount":1e999999999,"quantity":"many","\\udc00":[]}',
    b'{"_id":"c","createdAt":"0001-01-01T00:00:00+23:59","metadata":{"a":-0.0}}',
]


@pytest.fixture
async def pf() -> AsyncIterator[Pocketsflow]:
    async def answer(request: web.Request) -> web.Response:
        if request.path != "/orders":
            return web.json_response({}, status=404)
        pages = b'{"currentPage":1,"totalPages":1,"totalCount":%d,"hasMore":false}' % len(RECORDS)
        body = b'{"orders":[%b],"pagination":%b}' % (b",".join(RECORDS), pages)
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = "http://{}:{}".format(*runner.addresses[0][:2])
    async with Pocketsflow("pk_test_sandbox", base_url=url, rate_limit=None) as pf:
        yield pf
    await runner.cleanup()


@pytest.mark.parametrize("format", list(FORMATS))
async def test_no_value_stops_an_export(pf: Pocketsflow, tmp_path: Path, format: Any) -> None:  # noqa: A002
    """Every record is in the file, in every format, and the audit finds nothing, in the files and in the API."""
    (orders,) = (await export(pf, ["orders"], to=tmp_path, format=format)).resources

    assert orders.records == len(RECORDS)
    assert (await audit(tmp_path)).differences == ()
    assert (await audit(tmp_path, pf)).differences == ()


async def test_records_without_an_id_are_compared_by_number(
    pf: Pocketsflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has gone from the API is a difference, although nothing names it."""
    await export(pf, ["orders"], to=tmp_path)
    monkeypatch.setattr("test_export_odd.RECORDS", [one for one in RECORDS if one != b"null"])
    (found,) = (await audit(tmp_path, pf)).differences

    assert "records have no id in the export" in found.text
