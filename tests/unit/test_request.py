from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from fakes import operation
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async import UNSET, InvalidArgumentError, RequestOptions
from pocketsflow_async._request import Request, any_operation, build_request, encode_query
from pocketsflow_async.models import SortOrder

ITEM = operation(name="things.get", path="/things/{}")
PART = operation(name="parts.get", path="/things/{}/parts/{}")


def target(*ids: str, params: dict | None = None) -> str:
    """The path and query that these ids and parameters lead to."""
    asked = {0: operation(), 1: ITEM, 2: PART}[len(ids)]
    return build_request(asked, ids, params, None, None).target


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("65a1", "65a1"),
        ("../users/me?x=1#f", "..%2Fusers%2Fme%3Fx%3D1%23f"),
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("ä/日", "%C3%A4%2F%E6%97%A5"),
        ("%2e%2e", "%252e%252e"),
        ("{}", "%7B%7D"),
        ("a\r\nb", "a%0D%0Ab"),
        ("a;b:c@d", "a%3Bb%3Ac%40d"),
        ("...", "..."),
    ],
)
def test_ids_are_one_segment(value, encoded):
    """Whatever an id holds, it stays one segment of the path."""
    assert target(value) == f"/things/{encoded}"


def test_several_ids_go_in_order():
    """Each id takes its own place, and none is read as a place for another."""
    assert target("{}", "b") == "/things/%7B%7D/parts/b"


@pytest.mark.parametrize("value", ["", " ", "\t", ".", "..", "\ud800", 5, None, b"a", UNSET])
def test_what_is_no_id_is_refused(value):
    """An id that would ask for something else is refused before anything is sent."""
    with pytest.raises(InvalidArgumentError, match=r"^things\.get: "):
        target(value)


@given(st.text(min_size=1))
def test_any_id_is_refused_or_comes_back(value):
    """Decoding the path gives the id, and the path has no more segments than the operation's."""
    try:
        found = target(value)
    except InvalidArgumentError:
        return

    parts = urlsplit(found)
    assert (parts.path, parts.query, parts.fragment) == (found, "", "")
    assert found.count("/") == 2
    assert unquote(found.removeprefix("/things/")) == value
    assert found.isascii()


class Size(IntEnum):
    SMALL = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (-1, "-1"),
        (1.5, "1.5"),
        (Decimal("29.90"), "29.90"),
        ("a b&c=d", "a%20b%26c%3Dd"),
        ("ä", "%C3%A4"),
        ("", ""),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03%3A04%3A05Z"),
        (datetime(2024, 1, 2, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2024-01-01T23%3A00%3A00Z"),
        (datetime(2024, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC), "2024-01-02T03%3A04%3A05.678000Z"),
        (date(2024, 1, 2), "2024-01-02"),
        (SortOrder.DESC, "desc"),
        (SortOrder("sideways"), "sideways"),
        (Size.SMALL, "1"),
    ],
)
def test_query_values_are_written(value, text):
    """Each kind of value has one spelling in a query; times go in UTC."""
    assert encode_query("x", {"name": value}) == f"name={text}"


def test_what_is_not_given_is_left_out():
    """None and UNSET are not sent; without anything left there is no question mark."""
    assert encode_query("x", {"a": None, "b": UNSET, "c": 0}) == "c=0"
    assert target(params={"a": None}) == "/things"
    assert target(params={"a": 1, "b": "c"}) == "/things?a=1&b=c"


def test_a_list_is_repeated():
    """Several values of one name are sent one after the other; an empty list sends nothing."""
    assert encode_query("x", {"a": [1, "b"], "c": []}) == "a=1&a=b"


class Shapeless(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, _: datetime | None) -> None:
        return None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (datetime(2024, 1, 1), "no time zone"),  # noqa: DTZ001 - naive on purpose
        (datetime(2024, 1, 1, tzinfo=Shapeless()), "no time zone"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), "cannot be written in UTC"),
        (float("nan"), "no number"),
        (float("-inf"), "no number"),
        (Decimal("NaN"), "no number"),
        (Decimal("sNaN"), "no number"),
        (Decimal("Infinity"), "no number"),
        ({"a": 1}, "cannot be a dict"),
        (object(), "cannot be a object"),
        (b"bytes", "cannot be a bytes"),
        ([None], "cannot be a NoneType"),
        ([UNSET], "UNSET"),
        ([[1]], "cannot be a list"),
    ],
)
def test_what_has_no_spelling_is_refused_by_name(value, reason):
    """The error names the operation and the parameter."""
    with pytest.raises(InvalidArgumentError, match=rf"^orders\.list: startDate.*{reason}"):
        encode_query("orders.list", {"startDate": value})


def test_a_number_that_python_does_not_write_is_refused():
    """Python writes no int of more than some thousand digits."""
    with pytest.raises(InvalidArgumentError, match=r"^orders\.list: a: int is no number that can be sent"):
        encode_query("orders.list", {"a": 10**5000})


def test_half_a_character_is_refused():
    """Text that UTF-8 cannot carry is an argument error, in values and names."""
    with pytest.raises(InvalidArgumentError, match=r"^orders\.list: "):
        encode_query("orders.list", {"a": "\ud800"})


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))))
def test_any_text_comes_back_from_the_query(params):
    """Decoding the query gives the parameters, and nothing leaks into the rest of the address."""
    query = encode_query("x", params)

    assert dict(parse_qsl(query, keep_blank_values=True)) == params
    assert query.isascii()
    assert "#" not in query


def request(idempotency: str, options: RequestOptions | None = None) -> Request:
    """The request of an operation with this idempotency."""
    return build_request(operation(idempotency=idempotency), (), None, b"{}", options)


@pytest.mark.parametrize(
    ("idempotency", "own_key", "repeatable", "has_key"),
    [
        ("safe", None, True, False),
        ("key", None, True, True),
        ("never", None, False, False),
        ("never", "mine", True, True),
        ("safe", "mine", True, True),
    ],
)
def test_what_may_be_repeated(idempotency, own_key, repeatable, has_key):
    """Reads, and writes with a key, may be sent again."""
    found = request(idempotency, RequestOptions(idempotency_key=own_key))

    assert (found.repeatable, "Idempotency-Key" in found.headers) == (repeatable, has_key)


def test_keys_differ_between_requests():
    """Each logical write has a key of its own, unless the caller gives one."""
    keys = {request("key").headers["Idempotency-Key"] for _ in range(20)}

    assert len(keys) == 20
    assert request("key", RequestOptions(idempotency_key="mine")).headers == {"Idempotency-Key": "mine"}


def test_options_are_carried():
    """Headers and timeout of the options reach the request; without options there are none."""
    options = RequestOptions(timeout=3.0, headers={"X-Trace": "a"})

    assert (request("safe", options).headers, request("safe", options).timeout) == ({"X-Trace": "a"}, 3.0)
    assert (request("safe").headers, request("safe").timeout) == ({}, None)
    assert options.headers == {"X-Trace": "a"}


@pytest.mark.parametrize(
    "options", [{"timeout": 3}, {}, 0, False, "x", RequestOptions, pytest.param(object(), id="object")], ids=repr
)
def test_options_are_request_options(options):
    """A mapping of settings is refused by name before anything is sent, an empty one too."""
    with pytest.raises(InvalidArgumentError, match=r"^things\.get: options must be a RequestOptions"):
        request("safe", options)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/users/me", "/users/me"),
        ("/", "/"),
        ("/a b/ä", "/a%20b/%C3%A4"),
        ("/a%20b", "/a%20b"),
        ("/a{}/{0}", "/a%7B%7D/%7B0%7D"),
        ("/a/", "/a/"),
        ("/a...b/..c", "/a...b/..c"),
    ],
)
def test_any_path_is_asked(path, sent):
    """A path below the base address is sent as it is, with what needs it percent-encoded."""
    assert build_request(any_operation("GET", path), (), None, None, None).target == sent


ELSEWHERE = ["https://elsewhere.example/a", "//elsewhere.example", "users", "", "/a?b=1", "/a#b", "/a\\b"]
DOTS = ["/../a", "/a/..", "/a/./b", "/a/%2e%2e/b", "/a/%2E./b", "/a/..%2fb"]


@pytest.mark.parametrize("path", [*ELSEWHERE, *DOTS, "/a\nb", "/a\x00", "/\ud800"])
def test_what_is_no_path_is_refused(path):
    """A path cannot leave the base address or bring a query of its own."""
    with pytest.raises(InvalidArgumentError, match="is no path"):
        any_operation("GET", path)


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "GÉT", "G-T"])
def test_what_is_no_method_is_refused(method):
    """A method is a word."""
    with pytest.raises(InvalidArgumentError, match="is no HTTP method"):
        any_operation(method, "/a")


@pytest.mark.parametrize(
    ("method", "idempotency"),
    [("GET", "safe"), ("head", "safe"), ("OPTIONS", "safe"), ("POST", "never"), ("put", "never"), ("DELETE", "never")],
)
def test_only_reads_of_unknown_endpoints_are_repeatable(method, idempotency):
    """Nobody knows whether a write to an unknown endpoint may be sent twice."""
    found = any_operation(method, "/a")

    assert (found.method, found.idempotency) == (method.upper(), idempotency)
