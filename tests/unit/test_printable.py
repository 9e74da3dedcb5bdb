import copy
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pocketsflow_async import APIResponseError, APIStatusError, PocketsflowError
from pocketsflow_async._response import Response, error_from
from pocketsflow_async.cli._tables import audit_text, export_text
from pocketsflow_async.errors import printable
from pocketsflow_async.export import AuditReport, Difference, ExportReport, ResourceReport

FORGED = "no\n2026-01-01 CRITICAL forged\x1b]0;title\x07\u202e\u2066\u2028\x85\x7f\ud83d"
RISKY = {
    *map(chr, range(32)),
    *map(chr, range(127, 160)),
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029",
}


def is_safe(text: str) -> bool:
    return not RISKY.intersection(text) and text.encode() is not None


@given(st.text(st.characters(codec=None)))
@example(FORGED)
def test_any_text_becomes_one_line_that_can_be_printed(text: str) -> None:
    """No control character, change of direction, line break or half of a character is left, whatever comes in."""
    assert is_safe(printable(text))


@pytest.mark.parametrize(
    "text", ["Zoë paid 5\u00a0€", "back\\slash", "日本語", "👩\u200d👩\u200d👧", "soft\u00adhyphen"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Letters of every script, spaces and joined emoji are not touched."""
    assert printable(text) == text


@pytest.mark.parametrize(
    "error",
    [
        PocketsflowError(FORGED),
        APIStatusError(FORGED, status=400, code=FORGED, field=FORGED, request_id=FORGED, body=FORGED),
        APIResponseError(FORGED, path=FORGED),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_text_of_an_error_is_safe(error: PocketsflowError) -> None:
    """Message, code, field, request id and path are escaped, in str and repr, in copies and after pickling."""
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
        for text in (str(one), repr(one), one.message, *map(str, one.args)):
            assert is_safe(text)
        for name in ("code", "field", "request_id", "path"):
            assert is_safe(getattr(one, name, ""))


def test_the_body_of_an_error_stays_as_sent() -> None:
    """What the server wrote is escaped in the text of the error, and untouched in its body."""
    error = error_from(Response(400, {}, b'{"message": "no\\n\\u001b[2J", "code": "A\\u0007"}'), "orders.list")

    assert str(error) == r"400 A\x07: no\n\x1b[2J"
    assert error.body == {"message": "no\n\x1b[2J", "code": "A\x07"}


def test_reports_for_people_are_safe() -> None:
    """Ids and notes that a server or a manifest brought cannot drive the terminal."""
    found = AuditReport(".", 1, 1, (Difference("orders", "1 of the records", (FORGED,)),), (FORGED,))  # type: ignore[arg-type]
    done = ExportReport((ResourceReport("orders", "orders.jsonl", 1, notes=(FORGED,)),), 0.0, FORGED)  # type: ignore[arg-type]

    for text in (audit_text(found), export_text(done)):
        assert all(is_safe(line) for line in text.split("\n"))
        assert "forged" in text
