import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from fakes import answer
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from pocketsflow_async import (
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnprocessableEntityError,
)
from pocketsflow_async._response import Response, decode_any, error_from, retry_after

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def told(body: object, status: int = 400, **headers: str) -> APIStatusError:
    """The error of an answer with this body: bytes as they are, anything else as JSON."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from(answer(status, text, **headers), "orders.get")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (500, ServerError),
        (503, ServerError),
        (599, ServerError),
        (402, APIStatusError),
        (418, APIStatusError),
        (304, APIStatusError),
        (101, APIStatusError),
    ],
)
def test_each_status_has_its_class(status, kind):
    """The class of an error says its status; rare ones share a base."""
    error = told({}, status)

    assert type(error) is kind
    assert error.status == status


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        pytest.param({"error": "No such order"}, "No such order", None, id="error"),
        pytest.param({"message": "No such order"}, "No such order", None, id="message"),
        pytest.param({"error": "Bad", "message": "Price missing"}, "Price missing", None, id="both"),
        pytest.param({"error": "Bad", "message": ""}, "Bad", None, id="empty message"),
        pytest.param({"message": "No", "code": "EMAIL"}, "No", "EMAIL", id="code"),
        pytest.param({"message": "No", "code": 0}, "No", "0", id="code as number"),
        pytest.param({"error": {"message": "No", "code": "X"}}, "No", "X", id="nested"),
        pytest.param({"error": {"error": {"message": "No"}}}, "No", None, id="nested twice"),
        pytest.param({"message": ["a", "b"]}, '["a", "b"]', None, id="list of messages"),
        pytest.param({"message": {"price": "x"}}, '{"price": "x"}', None, id="object of messages"),
        pytest.param(b"  Bad Gateway \n", "Bad Gateway", None, id="text"),
    ],
)
def test_both_spellings_of_an_error_body_are_read(body, message, code):
    """The API's words are found wherever it puts them."""
    error = told(body)

    assert (error.message, error.code) == (message, code)


@pytest.mark.parametrize("body", [b"", b"   ", b"[]", b"5", b"null", b"{}", b'{"error": null, "message": null}'])
def test_without_words_the_error_names_the_call(body):
    """Where the API gives no message, ours says which call met which status."""
    error = told(body, 404)

    assert error.message == "orders.get was answered with status 404"


def test_a_long_text_is_cut():
    """A page of HTML does not flood the message, but the body has it all."""
    error = told(b"x" * 10_000)

    assert len(error.message) == 500
    assert len(error.body) == 10_000


def test_the_body_is_kept_decoded():
    """`.body` is the JSON value, or the text when it is none."""
    assert told({"error": "x", "details": [1]}).body == {"error": "x", "details": [1]}
    assert told(b"<html>").body == "<html>"
    assert told(b"\xff").body == "\N{REPLACEMENT CHARACTER}"


def test_the_error_holds_the_request_id_and_headers():
    """Header names are in lower case, and the request's id is at hand and in the text."""
    error = told({"error": "x", "code": "Y"}, 403, x_request_id="req_1", X_Other="a")

    assert error.request_id == "req_1"
    assert error.headers == {"x-request-id": "req_1", "x-other": "a"}
    assert str(error) == "403 Y: x (request req_1)"


@pytest.mark.parametrize(
    "body",
    [b'{"message":"\\ud800","code":"\\ud800"}', b'"\\ud800"', b'{"error":{"message":"\\udfff"}}', b"\xed\xa0\x80"],
)
def test_what_an_error_says_can_be_written(body):
    """Halves of characters, in JSON or in a header, are replaced: a log or a terminal takes no such text."""
    error = told(body, x_request_id="\udcff")

    assert error.request_id == "?"
    assert str(error).encode()


def test_a_body_that_is_nested_too_deeply_is_kept_as_text():
    """The error can be pickled, copied and shown."""
    body = b'{"message":"No","x":' + b"[" * 600 + b"]" * 600 + b"}"

    assert told(body).body == body.decode()
    assert told(body.replace(b"[" * 550, b"").replace(b"]" * 550, b"")).message == "No"


def test_a_redirect_is_an_error_that_says_where_to():
    """Redirects are not followed, for the key would travel with them."""
    error = told(b"", 302, location="https://elsewhere.example/")

    assert type(error) is APIStatusError
    assert "a redirect to 'https://elsewhere.example/', which is not followed" in str(error)
    assert "a redirect to 'nowhere'" in str(told(b"", 301))


@pytest.mark.parametrize("depth", [10, 500, 900, 5_000, 100_000])
def test_nesting_does_no_harm(depth):
    """However deep an error body is nested, there is an error of the right class."""
    objects = told(b'{"error":' * depth + b'"deep"' + b"}" * depth, 500)
    arrays = told(b'{"message":' + b"[" * depth + b"]" * depth + b"}", 500)

    assert (type(objects), type(arrays)) == (ServerError, ServerError)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 14:00:30 +0200", 30.0),
        (format_datetime(NOON - timedelta(hours=1), usegmt=True), 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.2.3", None),
        (".", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 400, None),
        ("Thu, 01 Jan 99999 12:00:30 GMT", None),
        ("Thu, 99 Jan 2026 12:00:30 GMT", None),
        ("Thu, 01 Jan 2026 12:00:30 +99999999999", None),
        ("Thu, 01 Jan 2026 12:00:30 +" + "9" * 20, None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("9" * 10_000, None),
        ("1e400", None),
        ("-inf", None),
        ("Thursday, 01-Jan-26 12:00:30 GMT", 30.0),
        ("Thu Jan  1 12:00:30 2026", 30.0),
        ("Thu, 01 Jan 2026 12:00:60 GMT", 59.0),
        ("5, 7", 7.0),
        (", 5", 5.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT, 7", 30.0),
        ("7,Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("-1, 3", 3.0),
    ],
)
def test_retry_after_is_read(text, seconds):
    """Seconds or an HTTP date; whatever makes no sense counts as not given."""
    assert retry_after({"retry-after": text}, now=NOON) == seconds


def test_retry_after_is_found_in_any_case():
    """A 429 tells how long to wait, however the header is spelled."""
    error = error_from(Response(429, {"RETRY-AFTER": "3"}, b""), "x")

    assert error.retry_after == 3.0
    assert error_from(Response(429, {}, b""), "x").retry_after is None


@pytest.mark.parametrize("hours", [-48, -1, 0, 1, 48])
def test_a_date_is_counted_from_the_date_of_the_response(hours):
    """However wrong the server's clock is, the wait is what the server meant."""
    there = NOON + timedelta(hours=hours)
    headers = {"date": format_datetime(there, usegmt=True)}

    until = format_datetime(there + timedelta(seconds=20), usegmt=True)
    assert retry_after({**headers, "retry-after": until}) == 20.0
    assert retry_after(CIMultiDict({"Date": headers["date"], "Retry-After": until})) == 20.0
    assert retry_after({**headers, "retry-after": "7"}) == 7.0


@pytest.mark.parametrize("date", [None, "", "soon", "Thu, 99 Jan 2026 12:00:00 GMT", "5"])
def test_without_a_date_the_local_clock_counts(date):
    """A response without a valid `Date` is compared with the time here."""
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    headers = {"retry-after": until} | ({} if date is None else {"date": date})

    assert 3500.0 < retry_after(headers) <= 3600.0


def test_of_several_retry_after_headers_the_longest_counts():
    """The limiter, which reads the headers as they came, and the retries, which read the error, agree."""
    headers = CIMultiDict([("Retry-After", "3"), ("retry-after", "9"), ("Retry-After", "-1"), ("X", "a"), ("X", "b")])
    error = error_from(Response(429, headers, b""), "x")

    assert retry_after(headers) == retry_after(error.headers) == error.retry_after == 9.0
    assert error.headers["x"] == "a, b"


numbers = st.from_regex(r"[0-9]{0,5}[.,:+-]?[0-9]{0,400}", fullmatch=True)
dates = st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,2} (Jan|Feb|x) [0-9]{2,6} [0-9:]{0,9} ([A-Z]{3}|[+-][0-9]{1,9})")


@given(st.one_of(st.text(), numbers, dates), st.one_of(st.text(), dates, st.just(format_datetime(NOON, usegmt=True))))
def test_retry_after_of_any_text_is_harmless(text, date):
    """No header value raises an error or gives a number that cannot be waited."""
    seconds = retry_after({"retry-after": text, "date": date})

    assert seconds is None or 0.0 <= seconds < float("inf")


@given(st.integers(100, 999).filter(lambda status: not 200 <= status < 300), st.binary(max_size=60))
def test_any_answer_makes_an_error(status, body):
    """Whatever the bytes, there is an error with a message."""
    error = error_from(Response(status, {}, body), "x")

    assert error.message
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("body", "value"), [(b"", None), (b" \n", None), (b"3", 3), (b'{"a": 1.5}', {"a": 1.5}), (b"null", None)]
)
def test_any_json_is_decoded(body, value):
    """The answer of an endpoint that nobody knows comes as plain data, an empty one as None."""
    assert decode_any(Response(200, {}, body)) == value


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"a"',
        b"\xff",
        b"[" * 100_000,
        b"[" * 600 + b"]" * 600,
        b"01",
    ],
)
def test_what_is_no_json_is_refused(body):
    """An answer that cannot be read is an APIResponseError with the body and the status."""
    with pytest.raises(APIResponseError, match="not JSON") as caught:
        decode_any(Response(202, {}, body))

    assert caught.value.body == body
    assert caught.value.status == 202
