"""Large bodies: decoded in a thread and in pieces, and nothing else is different."""

import asyncio
import gc
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from fakes import FakeTransport, answer, operation
from hypothesis import given
from hypothesis import strategies as st
from test_executor import LIST_ORDERS
from test_wire import customers_codec, orders_codec

from pocketsflow_async import (
    APIResponseError,
    APITimeoutError,
    NotFoundError,
    RequestOptions,
    RetryPolicy,
    SpecDriftWarning,
)
from pocketsflow_async import _pieces as pieces
from pocketsflow_async import _plain as plain
from pocketsflow_async._drift import Drift
from pocketsflow_async._executor import Executor
from pocketsflow_async._generated.pocketsflow.wire.creator_pages import CREATOR_PAGE
from pocketsflow_async._lenient import checked

SPEC = "pocketsflow_async._generated.pocketsflow.wire"
ORDER = '{"_id":"%s","currency":"USD","grossAmount":29.990,"metadata":{"a":[1,"]}"]},"product":{"_id":"p"}%s}'
COUNT = 6_000
texts = st.one_of(st.sampled_from(["", ",", "]", "}", '"', "\\", '\\"', "[{", "~", "~piece"]), st.text(max_size=4))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-99, 9999), st.floats(-1, 1), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(texts, inner, max_size=5)),
    max_leaves=40,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, bool]]]:
    """How many bytes each call of a decoder got, and whether it ran in the event loop's thread."""
    found: list[tuple[int, bool]] = []
    home = threading.get_ident()

    def spied(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def spy(body: bytes) -> Any:
            found.append((len(body), threading.get_ident() == home))
            return decode(body)

        return spy

    for name in ("_decode", "_decode_exact"):
        monkeypatch.setattr(plain, name, spied(getattr(plain, name)))

    class Spied:
        def __init__(self, kind: Any) -> None:
            self.decode = spied(msgspec.json.Decoder(kind).decode)

    for module in ("_codec", "_page_codec"):
        monkeypatch.setattr(f"pocketsflow_async.{module}.Decoder", Spied)
    return found


def in_pieces(text: str, size: int, decode: Callable[[bytes], Any] = plain.decode_free) -> Any:
    """What is made of a text, cut at so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", size)
        return pieces.decode_in_pieces(text.encode(), decode)


@given(values.map(lambda value: [value]), st.integers(1, 60), st.sampled_from([None, 1]), st.booleans())
def test_pieces_make_the_same_value(value: Any, size: int, indent: int | None, ascii_only: bool) -> None:
    """Wherever a text is cut, what comes out is what Python's json reads."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    assert in_pieces(text, size) == json.loads(text)


@given(values.map(lambda value: {"a": value}), st.data())
def test_pieces_reject_what_the_whole_does(value: Any, data: st.DataObject) -> None:
    """A text that a slip has damaged has the same outcome: the value, or an error."""
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text) - 1))
    text = text[:at] + data.draw(st.sampled_from(["", *'[]{},:"\\1 '])) + text[at + 1 :]

    def outcome(read: Callable[[], Any]) -> str:
        try:
            return repr(read())
        except (ValueError, msgspec.MsgspecError):
            return "error"

    whole = outcome(lambda: plain.decode_free(text.encode()))
    assert outcome(lambda: in_pieces(text, data.draw(st.integers(1, 30)))) == whole


@pytest.mark.parametrize("size", range(1, 40))
def test_the_last_of_two_equal_names_wins_in_pieces(size: int) -> None:
    """A name that stands twice, with a container open at the cut."""
    text = '{"a":[1,2,3],"b":{"x":[1,2]},"a":[4,5,{"c":1,"d":[6],"c":[7,8,9]}],"b":{"y":[3,4,5,6]}}'

    assert in_pieces(text, size) == json.loads(text)


def test_a_piece_is_a_piece(calls: list[tuple[int, bool]]) -> None:
    """No call gets much more than a piece; odd spellings are read piece by piece too."""
    body = b'{"a":[' + rb'{"x":[1.50,"\ud83d",NaN]},' * 30_000 + b"1]}"

    assert plain.decode_free(body)["a"][:2] == [{"x": [1.5, "\N{REPLACEMENT CHARACTER}", None]}] * 2
    assert len(calls) >= len(body) // pieces.PIECE
    assert max(size for size, _ in calls) < pieces.PIECE + 100


@pytest.mark.parametrize("body", [b"[" * 2_000_000, b"[0," * 500_000, b'{"a":' * 300_000, b"[1,2" * 300_000])
@pytest.mark.parametrize("decode", [plain.decode_free, plain.decode_exact])
def test_deep_nesting_is_found_without_decoding(body: bytes, decode: Callable[[bytes], Any]) -> None:
    """However large, it is an error and not a crash."""
    with pytest.raises((ValueError, RecursionError, msgspec.DecodeError)):
        decode(body)


@pytest.mark.parametrize("start", [b"<html>", b"\xff\xfe", b"ok, ", b"1", b""])
def test_large_bodies_that_are_no_json_are_seen_at_once(start: bytes, calls: list[tuple[int, bool]]) -> None:
    """Nothing is decoded, repaired or searched."""
    with pytest.raises(ValueError, match="begins"):
        plain.decode_free(start + b"<p>, </p>" * 100_000)
    assert not calls


def orders(count: int = COUNT, extra: str = "", odd: str = "", odd_at: int = -1) -> bytes:
    """A page of so many orders; one of them may be odd."""
    records = [ORDER % (f"o{n}", odd if n == odd_at else extra) for n in range(count)]
    told = '"pagination":{"currentPage":1,"totalPages":1,"hasMore":false}'
    return f'{{"orders":[{",".join(records)}],{told}}}'.encode()


@pytest.mark.parametrize("extra", ["", ',"new":{"a":1.50}', r',"new":"\ud83d"', ',"createdAt":"2016-12-31T23:59:60Z"'])
@pytest.mark.parametrize("separator", [b",", b", ", b",\n  "])
def test_a_large_page_is_read_as_small_ones_are(extra: str, separator: bytes) -> None:
    """The same models, the same extra fields and the same pagination."""
    body = orders(extra=extra).replace(b"},{", b"}" + separator + b"{")
    small = orders_codec().decode(orders(1, extra))
    codec = orders_codec()

    page = codec.decode(body)

    assert [order.id for order in page.items] == [f"o{n}" for n in range(COUNT)]
    for order in (page.items[0], page.items[COUNT // 2], page.items[-1]):
        small.items[0].id = order.id
        assert order == small.items[0]
        assert str(order.gross_amount) == "29.990"
        assert order.extra == small.items[0].extra
    assert (page.pagination, page.has_more) == (small.pagination, False)


@pytest.mark.parametrize(
    "shape",
    [
        lambda body: body,
        lambda body: body.replace(b'{"orders"', b'{"new":[{"a":1}],"orders"'),
        lambda body: body.replace(b'"orders"', b'"data"'),
        lambda body: body[10 : body.rindex(b',"pagination"')],
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.decode().encode("utf-16"),
    ],
)
def test_a_large_page_of_any_shape_is_read(shape: Callable[[bytes], bytes]) -> None:
    """The records are found wherever they stand; a bare array is a page as well."""
    body = shape(orders())

    assert [order.id for order in orders_codec().decode(body).items] == [f"o{n}" for n in range(COUNT)]
    assert [msgspec.json.decode(bytes(one))["_id"] for one in orders_codec().raw(body).items][-2:] == ["o5998", "o5999"]


@pytest.mark.parametrize("at", [0, 1, 3_000, COUNT - 1])
@pytest.mark.parametrize("extra", ["", ',"new":1'])
def test_a_large_page_tells_the_place_of_an_error(at: int, extra: str) -> None:
    """Counted from the first record of the page, not of a piece; the body is the whole."""
    body = orders(extra=extra, odd=',"netAmount":[]', odd_at=at)
    with pytest.raises(APIResponseError, match="Expected `decimal") as caught:
        orders_codec().decode(body)

    assert (caught.value.path, caught.value.body) == (f"$.orders[{at}].netAmount", body)
    with pytest.raises(APIResponseError) as caught:
        customers_codec().decode(body[10 : body.rindex(b',"pagination"')].replace(b'"o%d"' % at, b"5"))
    assert caught.value.path == f"$[{at}]._id"


def test_large_raw_pages_keep_the_text_of_the_records() -> None:
    """Byte for byte, and with what the envelope says."""
    records = [(ORDER % (n, r',"x": "\ud83d"' if n == 5_000 else "")).encode() for n in range(COUNT)]
    told = b'"pagination":{"currentPage":1,"totalPages":1,"hasMore":true}'
    page = orders_codec().raw(b'{"orders":[' + b", ".join(records) + b"]," + told + b"}")

    assert [bytes(one) for one in page.items] == records
    assert page.one_line
    assert page.pagination.has_more


def test_a_record_that_is_large_is_read_in_pieces(calls: list[tuple[int, bool]]) -> None:
    """Free-form and unknown data of any size stand in the model as ever."""
    numbers = b"[" + b"1.50," * 300_000 + b"2]"
    page = orders_codec().decode(
        b'{"orders":[{"_id":"a","grossAmount":1.50,"metadata":{"x":' + numbers + b'},"new":' + numbers + b"}]}"
    )

    order = page.items[0]
    assert str(order.gross_amount) == "1.50"
    assert order.metadata["x"][::300_000] == order.extra["new"][::300_000] == [1.5, 2]
    assert max(size for size, _ in calls) < pieces.PIECE + 100


def test_a_large_list_within_a_model_is_checked_in_parts() -> None:
    """All of it is there, and an error names the element."""
    products = b",".join([b'{"name":"a"}'] * 60_000)
    body = b'{"products":[%b,{"name":"b","new":1}],"top":2}' % products

    page = CREATOR_PAGE.decode(body)

    assert (len(page.products), page.products[-1].name, page.products[-1].extra) == (60_001, "b", {"new": 1})
    assert page.extra == {"top": 2}
    with pytest.raises(APIResponseError) as caught:
        CREATOR_PAGE.decode(body.replace(b'"b"', b"5"))
    assert caught.value.path == "$.products[60000].name"
    with pytest.raises(msgspec.ValidationError, match=r"products\[20001\].name"):
        checked({"products": [{"name": "a"}] * 20_001 + [{"name": 5}]}, CREATOR_PAGE.opened)


def run(reply: bytes, status: int = 200, **changes: Any) -> Executor:
    """An executor that is answered with this."""
    return Executor(FakeTransport(answer(status, reply)), None, RetryPolicy(attempts=1), **changes)


@pytest.mark.parametrize("size", [pieces.LARGE - 10_000, pieces.LARGE + 10_000])
def test_large_bodies_are_decoded_off_the_event_loop(size: int, calls: list[tuple[int, bool]]) -> None:
    """Typed calls, pages, raw pages, `request` and errors; the small ones of every call stay on it."""
    count = size // len(orders(1000)) * 1000 + 1000 if size > pieces.LARGE else 1000
    body = orders(count)
    array = b'{"error":"x","a":[' + b"1," * (len(body) // 2) + b"1]}"
    typed = operation(name="creator_pages.products", answer=f"{SPEC}.creator_pages:CREATOR_PAGE")
    listed = b'{"products":[' + b'{"name":"a"},' * (len(body) // 13) + b'{"name":"a"}]}'

    async def ask() -> None:
        with pytest.raises(NotFoundError, match="x"):
            await run(array, 404).call(typed)
        assert len((await run(listed).call(typed)).products) == len(body) // 13 + 1
        for raw in (False, True):
            page = (await run(body).fetch(LIST_ORDERS, raw=raw))()
            assert len(page.items) == count
        assert len((await run(array).request(typed))["a"]) == len(body) // 2 + 1

    asyncio.run(ask())

    assert calls
    assert {at_home for _, at_home in calls} == {len(body) <= pieces.LARGE}
    assert max(length for length, _ in calls) <= pieces.LARGE + 200


@pytest.mark.parametrize("road", ["call", "fetch", "request"])
def test_the_deadline_covers_the_decoding_of_large_bodies(road: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call ends, although a thread is still at it, and the error has the attempt that was answered."""
    may_go = threading.Event()
    for place in ("_page_codec.pages_of", "_plain.decode_in_pieces"):
        monkeypatch.setattr(f"pocketsflow_async.{place}", lambda body, *_: [body] if may_go.wait(10) else [])

    async def ask() -> None:
        one = run(orders())
        with pytest.raises(APITimeoutError, match=r"deadline of 0.01 s$") as caught:
            await getattr(one, road)(LIST_ORDERS, options=RequestOptions(deadline=0.01))
        may_go.set()
        (only,) = caught.value.attempts
        assert (only.outcome, only.status, caught.value.received) == ("APITimeoutError", 200, True)

    asyncio.run(ask())


def test_large_answers_are_compared_with_the_spec_too() -> None:
    """The warning comes from the caller's thread and names the caller's line."""
    drift = Drift()

    async def ask() -> None:
        read = await run(orders(extra=',"new":1'), drift=drift).fetch(LIST_ORDERS)
        with pytest.warns(SpecDriftWarning, match="new") as caught:
            read()
        assert caught[0].filename == __file__

    asyncio.run(ask())

    assert "new" in drift.patch()


def test_the_collector_of_garbage_does_not_look_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After every piece all objects count as old; what a program froze stays frozen."""
    done: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: done.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: done.append("unfreeze"))
    body = orders()

    orders_codec().decode(body)
    assert len(done) >= 2 * (len(body) // pieces.PIECE)
    assert done[:4] == ["freeze", "unfreeze"] * 2

    done.clear()
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 50_000)
    orders_codec().decode(body)
    assert not done
