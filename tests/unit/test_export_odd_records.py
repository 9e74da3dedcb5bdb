"""Records that no spec allows, and records of another time: an export keeps them and loses nothing for them."""

import datetime as dt
import json
from pathlib import Path

import pytest
from fakes import virtual_time
from multidict import CIMultiDict
from test_export_walk import Api, client, run

from pocketsflow_async._page import RawPage
from pocketsflow_async._request import Request
from pocketsflow_async._response import Response
from pocketsflow_async.export import _source, export


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (rb'{"_id":"a","note":"cut \ud83d"}', "a"),
        (rb'{"note":"\ud83d","id":"b"}', "b"),
        (rb'{"_id":"c\ud83d"}', None),
        (b'{"_id":"\xf0\x9f\x98\x80"}', "\U0001f600"),
        (b'{"_id":42,"id":"d"}', None),
        (b'{"_id":null,"id":"e"}', "e"),
        (b'{"_id":""}', None),
        (b"null", None),
        (b"[1]", None),
        (b"[" * 100_000, None),
    ],
)
def test_no_record_stops_the_reading_of_ids(line: bytes, name: str | None) -> None:
    """What is no object, or has no text as its id, has no name; half a character elsewhere changes nothing."""
    assert _source.ids_of(line + b"\n" + b'{"_id":"next"}\n') == [name, "next"]


def test_no_record_stops_the_reading_of_times() -> None:
    """Half a character beside it hides no time, and a time that is none tells nothing."""
    lines = [rb'{"note":"\ud83d","createdAt":"2025-01-02T00:00:00Z"}', b'{"createdAt":"2025-01-01T00:00:00Z"}']

    assert _source.newest_of(b"\n".join(lines)) == dt.datetime(2025, 1, 2, tzinfo=dt.UTC)
    assert _source.newest_of(b"\n".join([*lines, b"null"])) is None


def test_records_on_several_lines_are_put_on_one() -> None:
    """White space between the parts of a record goes, white space in texts and half characters stay."""
    page = RawPage([b'{ "a b" :\n [ 1.50,\t"x \\" \\ud83d y" ] }', b'"c d"\n'])

    assert _source._lines_of(page) == b'{"a b":[1.50,"x \\" \\ud83d y"]}\n"c d"\n'


class Dated(Api):
    """An API whose server tells the time."""

    async def send(self, request: Request) -> Response:
        answer = await super().send(request)
        headers = CIMultiDict(Date="Thu, 02 Jan 2025 00:00:00 GMT")
        return Response(answer.status, headers, answer.body)


@pytest.mark.parametrize("kind", [Api, Dated])
@virtual_time
async def test_a_record_of_the_future_hides_none_that_come_later(tmp_path: Path, kind: type[Api]) -> None:
    """An incremental export never begins after the one before began, by the server's clock where it tells the time."""
    api = kind(150)
    future = {"_id": "odd", "createdAt": "2099-01-01T00:00:00Z"}
    api.orders.append(future)
    await run(api, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())["resources"]["orders"]
    began = "2025-01-02T00:00:00+00:00" if kind is Dated else manifest["started"]

    api.orders.insert(-1, {"_id": "new", "createdAt": (dt.datetime.now(dt.UTC)).isoformat()})
    await export(client(api), ["orders"], to=tmp_path, since="last")

    assert manifest["newest"] == began
    assert b'"_id":"new"' in (tmp_path / "orders.jsonl").read_bytes()
    assert (tmp_path / "orders.jsonl").read_bytes().count(b'"odd"') == 1
