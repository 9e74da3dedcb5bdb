"""Every trigger in every envelope, and everything else that may arrive at its address."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async import InvalidArgumentError, WebhookVerificationError
from pocketsflow_async._model import Model
from pocketsflow_async.pocketsuite import TRIGGERS, parse_trigger
from pocketsflow_async.pocketsuite.models import Booking, Client, Payment, Subaccount

CLIENT = {"id": "client_1", "name": "Ada", "email": "ada@example.com", "created_date": "2025-01-15T14:30:00Z"}
RECORDS = {
    "client.created": (Client, CLIENT),
    "client.updated": (Client, {**CLIENT, "owner": {"id": "owner_1", "name": "Bo"}, "birthday": "1990-01-02"}),
    "booking.created": (
        Booking,
        {
            "id": "b1",
            "type": "service",
            "client": {"id": "c1", "name": "Ada"},
            "date": "2025-01-20T10:00:00Z",
            "total": 150.10,
        },
    ),
    "booking.completed": (Booking, {"id": "b1", "completed_date": "2025-01-20T11:00:00Z"}),
    "payment.received": (Payment, {"id": "p1", "amount": 150.00, "client": {"id": "c1", "name": "Ada"}}),
    "subaccount.created": (Subaccount, {"id": "s1", "anything": {"else": 1}}),
    "subaccount.updated": (Subaccount, {"id": "s1", "name": "Second chair"}),
}
TIME = "2025-01-15T14:30:00Z"


def test_all_triggers_are_tried():
    assert set(RECORDS) == set(TRIGGERS)


@pytest.mark.parametrize("name", RECORDS)
def test_every_trigger_in_every_envelope(name):
    """Whoever says which trigger it is gets it in all three; an event in the delivery says it too."""
    kind, record = RECORDS[name]
    for payload, envelope in (
        ({"event": name, "timestamp": TIME, "data": record}, "event"),
        ({"data": record}, "data"),
        (record, "flat"),
    ):
        told = parse_trigger(json.dumps(payload).encode(), name)
        assert (told.type, type(told.data), told.envelope, told.inferred) == (name, kind, envelope, False)
        assert told.data.id == record["id"]
        assert told.timestamp == (datetime(2025, 1, 15, 14, 30, tzinfo=UTC) if envelope == "event" else None)
    assert parse_trigger({"event": name, "data": record}).type == name


def test_what_is_documented_without_a_name_is_told_by_its_envelope():
    """A client under `data` is new, a bare one was changed; that this is inferred is said."""
    created, updated = parse_trigger({"data": CLIENT}), parse_trigger(CLIENT)

    assert (created.type, created.inferred) == ("client.created", True)
    assert (updated.type, updated.inferred) == ("client.updated", True)


def test_amounts_dates_and_custom_fields():
    """Every digit of an amount arrives; custom fields are in `extra`, whatever they are called."""
    booking = parse_trigger(b'{"event":"booking.created","data":{"id":"b","total":150.10}}').data
    client = parse_trigger({**CLIENT, "birthday": "1990-01-02", "event": "wedding", "data": "none"}).data

    assert isinstance(booking, Booking)
    assert booking.total == Decimal("150.10")
    assert isinstance(client, Client)
    assert client.birthday == date(1990, 1, 2)
    assert client.extra == {"event": "wedding", "data": "none"}


@pytest.mark.parametrize(
    ("body", "trigger", "told"),
    [
        (b"", None, "no JSON"),
        (b"\xff", None, "no JSON"),
        (b"[" * 100_000, None, "no JSON"),
        ("[]", None, "no JSON object"),
        (b"{}", None, "does not say which trigger"),
        (b'{"data": {"id": "p1", "amount": 3}}', None, "does not say which trigger"),
        (b'{"event": "booking.burnt", "data": {"id": "b"}}', None, "'booking.burnt' is no trigger"),
        (
            b'{"event": "booking.created", "data": {"id": "b"}}',
            "payment.received",
            "delivery of booking.created, not of",
        ),
        (b'{"event": "booking.created", "data": {}}', None, "booking.created: the delivery is not what the spec says"),
        (b'{"id": "b", "total": "much"}', "booking.created", r"booking.created: .* at \$.total"),
    ],
)
def test_what_is_no_delivery(body, trigger, told):
    """The error says what is wrong, and where."""
    with pytest.raises(WebhookVerificationError, match=told):
        parse_trigger(body, trigger)


def test_an_event_of_an_unknown_spelling_is_of_the_trigger_that_the_caller_names():
    """Four triggers are documented without the name that they send."""
    assert parse_trigger({"event": "client.new", "data": CLIENT}, "client.created").type == "client.created"


@pytest.mark.parametrize(("body", "trigger"), [(7, None), (None, None), (b"{}", "client.deleted")])
def test_what_cannot_be_asked(body, trigger):
    with pytest.raises(InvalidArgumentError):
        parse_trigger(body, trigger)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from(["event", "data", "timestamp", "id", "name", "client", "total", "amount", "date"]) | st.text(
    max_size=4
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
EVENTS = st.sampled_from(TRIGGERS) | SCALARS
PAYLOADS = JSON | st.fixed_dictionaries({"event": EVENTS, "data": st.dictionaries(KEYS, JSON, max_size=6) | JSON})


@given(PAYLOADS, st.none() | st.sampled_from(TRIGGERS))
def test_any_json_is_a_typed_trigger_or_a_clear_error(payload, trigger):
    """Nothing else comes out, whatever arrives."""
    for body in (json.dumps(payload), *([payload] if isinstance(payload, dict) else [])):
        try:
            told = parse_trigger(body, trigger)
        except WebhookVerificationError:
            continue
        assert told.type in TRIGGERS
        assert isinstance(told.data, Model)
        assert trigger in {None, told.type}
        assert isinstance(told.data.extra, dict)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_typed_trigger_or_a_clear_error(body):
    with pytest.raises(WebhookVerificationError):
        parse_trigger(body)
