"""`strict="warn"`: what answers hold that the spec does not know."""

import json
import threading
import warnings
from typing import Any

import pytest
import yaml
from fakes import FakeTransport, answer, virtual_time

from pocketsflow_async import BadRequestError, ConfigurationError, Pocketsflow, RetryPolicy, SpecDriftWarning
from pocketsflow_async._drift import MOST, Drift
from pocketsflow_async._executor import Executor
from pocketsflow_async._generated.pocketsflow.operations.orders import GET, LIST
from pocketsflow_async._generated.pocketsflow_preview.operations.posts import LIST as POSTS
from pocketsflow_async._wire import load

SECRET = "canary-of-a-customer"


def look(drift: Drift, operation: Any, body: Any) -> list[str]:
    """What is told of one answer."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drift.look(load(operation.answer), json.dumps(body).encode())
    assert {one.category for one in caught} <= {SpecDriftWarning}
    return [str(one.message) for one in caught]


def properties(drift: Drift, schema: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(drift.patch())["components"]["schemas"][schema]["properties"]
    return found


def test_a_new_field_is_told_as_a_patch() -> None:
    """The warning names the spec's file, the schema, the field and its type, and nothing of the value."""
    (told,) = look(Drift(), GET, {"_id": "1", "loyaltyTier": SECRET})

    assert told.splitlines() == [
        "an answer holds a field of Order that the spec does not know; to add it:",
        "# openapi/pocketsflow.yaml",
        "components:",
        "  schemas:",
        "    Order:",
        "      properties:",
        "        loyaltyTier: {type: string, x-stability: observed}",
    ]


def test_a_new_enum_value_is_told_as_a_patch() -> None:
    """An enum's value is told, for the spec needs it; the same value at another place is no news."""
    drift = Drift()
    (told,) = look(drift, GET, {"_id": "1", "product": {"_id": "2", "type": "on hold"}})
    page = {"orders": [{"_id": "1", "product": {"_id": "2", "type": "on hold"}}]}

    assert told.splitlines()[-3:] == [
        "    ProductType:",
        "      enum:",
        '        - "on hold"  # x-stability: observed',
    ]
    assert look(drift, LIST, page) == []


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        (["text"], {"type": "string"}),
        (["20240131"], {"type": "string"}),
        (["2024-01-31"], {"type": "string", "format": "date"}),
        (["2024-13-31"], {"type": "string"}),
        (["2024-01-31T12:00:00Z"], {"type": "string", "format": "date-time"}),
        (["2024-01-31T12:00:00"], {"type": "string"}),
        (["2024-01-31T12:00:00Z", "soon"], {"type": "string"}),
        (["2024-01-31T12:00:00Z", None], {"type": ["string", "null"], "format": "date-time"}),
        ([3], {"type": "integer"}),
        ([10**30], {"type": "integer"}),
        ([1.5], {"type": "number", "format": "decimal"}),
        ([3, 1.5, None], {"type": ["number", "null"], "format": "decimal"}),
        ([True], {"type": "boolean"}),
        ([None], {}),
        ([None, False], {"type": ["boolean", "null"]}),
        ([{"a": SECRET}], {"type": "object", "additionalProperties": True}),
        ([[]], {"type": "array", "items": {}}),
        ([["a"], ["b"]], {"type": "array", "items": {"type": "string"}}),
        ([[1, 1.5]], {"type": "array", "items": {"type": "number", "format": "decimal"}}),
        ([["a", None]], {"type": "array", "items": {}}),
        ([[[1]]], {"type": "array", "items": {"type": "array", "items": {}}}),
        ([[{"a": 1}]], {"type": "array", "items": {"type": "object", "additionalProperties": True}}),
        (["a", 3], {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        (["a", 3, None], {}),
    ],
)
def test_types_are_inferred(values: list[Any], schema: dict[str, Any]) -> None:
    """The type takes everything that was seen at a place, in one answer or in many, and is told once."""
    drift = Drift()
    told = [look(drift, GET, {"_id": "1", "fresh": value}) for value in values]

    assert [len(one) for one in told] == [1] + [0] * (len(values) - 1)
    assert properties(drift, "Order")["fresh"] == {**schema, "x-stability": "observed"}
    assert SECRET not in drift.patch() + str(told)


@pytest.mark.parametrize(
    ("operation", "body", "places"),
    [
        pytest.param(GET, {"_id": "1", "product": {"_id": "2", "a": 1}}, {"OrderProduct.a"}, id="nested"),
        pytest.param(GET, {"order": {"_id": "1", "a": 1}}, {"Order.a"}, id="wrapped"),
        pytest.param(GET, {"id": "1", "a": 1}, {"Order.a"}, id="another spelling of the id"),
        pytest.param(GET, {"_id": "1", "metadata": {"a": 1}}, set(), id="free-form"),
        pytest.param(GET, {"_id": "1", "createdAt": "2024-01-31T12:00:00", "a": 1}, {"Order.a"}, id="lenient"),
        pytest.param(LIST, {"orders": [{"_id": "1"}, {"_id": "2", "a": 1}]}, {"Order.a"}, id="page"),
        pytest.param(LIST, {"data": [{"_id": "1", "a": 1}], "b": 1}, {"Order.a", "OrderPage.b"}, id="another envelope"),
        pytest.param(LIST, [{"_id": "1", "a": 1}], {"Order.a"}, id="no envelope"),
        pytest.param(
            LIST,
            {"orders": [], "pagination": {"currentPage": 1, "totalPages": 1, "hasMore": False, "cursor": "x"}},
            {"Pagination.cursor"},
            id="pagination",
        ),
        pytest.param(POSTS, {"posts": [{"_id": "1", "a": 1}]}, {"Post.a"}, id="preview"),
    ],
)
def test_every_place_is_looked_at(operation: Any, body: Any, places: set[str]) -> None:
    """Records, pages, what stands inside of them, and answers that are not quite in the spec's shape."""
    drift = Drift()
    load(operation.answer).decode(json.dumps(body).encode())
    look(drift, operation, body)

    found = yaml.safe_load(drift.patch()) or {"components": {"schemas": {}}}
    schemas = found["components"]["schemas"].items()
    assert {f"{schema}.{name}" for schema, inner in schemas for name in inner["properties"]} == places


def test_each_spec_has_its_own_document() -> None:
    """The patch of two specs is two documents, each under the name of its file."""
    drift = Drift()
    look(drift, GET, {"_id": "1", "a": 1})
    look(drift, POSTS, {"posts": [{"_id": "1", "a": 1}]})

    second, first = drift.patch().split("---\n")

    assert first.startswith("# openapi/pocketsflow.yaml\n")
    assert second.startswith("# openapi/pocketsflow-preview.yaml\n")


@pytest.mark.parametrize("name", ["a b", "null", "No", "1st", 'a"b\\c', "a: b", "# a", "größe", "\x7f\u2028", "😀", ""])
def test_odd_names_are_quoted(name: str) -> None:
    """Whatever a field is called, YAML reads the same name back."""
    drift = Drift()
    look(drift, GET, {"_id": "1", name: 1})

    assert list(properties(drift, "Order")) == [name]


def test_what_an_attacker_sends_is_bounded() -> None:
    """The number and length of what is remembered have a limit, and the patch says when it was met."""
    drift = Drift()
    look(drift, GET, {"_id": "1", "x" * 101: 1, "product": {"_id": "2", "type": "x" * 101}})
    assert drift.patch() == ""

    told = look(drift, GET, {"_id": "1", **{f"field{number}": 1 for number in range(MOST + 5)}})

    assert len(told) == MOST
    assert drift.patch().endswith(f"# More than {MOST} places: the rest is not listed.\n")
    assert look(drift, GET, {"_id": "1", "field1": None, "later": 1}) == []
    assert properties(drift, "Order")["field1"]["type"] == ["integer", "null"]


def test_what_cannot_be_read_is_left_alone() -> None:
    """An unknown field that no model could hold does not make a good answer fail."""
    drift = Drift()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drift.look(load(GET.answer), b'{"_id": "1", "fresh": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")

    assert drift.patch() == ""


def test_threads_share_what_was_seen() -> None:
    """Several threads that see the same at once tell it once."""
    drift, body = Drift(), json.dumps({"_id": "1", **{f"field{number}": 1 for number in range(200)}}).encode()
    ready = threading.Barrier(4)

    def run() -> None:
        ready.wait()
        drift.look(load(GET.answer), body)
        drift.patch()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(caught) == 200
    assert len(properties(drift, "Order")) == 200


@virtual_time
async def test_calls_and_exports_are_compared() -> None:
    """Records, pages and raw pages are looked at; an error of the API is not."""
    drift = Drift()
    replies = [
        answer(body=b'{"_id": "1", "a": 1}'),
        answer(body=b'{"orders": [{"_id": "1", "b": 1}]}'),
        answer(body=b'{"orders": [{"_id": "1", "c": 1}]}'),
        answer(400, b'{"d": 1}'),
    ]
    executor = Executor(FakeTransport(*replies), None, RetryPolicy(), drift=drift)

    with pytest.warns(SpecDriftWarning, match="a: "):
        await executor.call(GET, ids=("1",))
    with pytest.warns(SpecDriftWarning, match="b: "):
        await executor.call(LIST)
    with pytest.warns(SpecDriftWarning, match="c: "):
        (await executor.fetch(LIST, raw=True))()
    with pytest.raises(BadRequestError):
        await executor.call(GET, ids=("1",))

    assert list(properties(drift, "Order")) == ["a", "b", "c"]


@virtual_time
async def test_nothing_is_looked_at_when_it_is_off() -> None:
    """Without strict an unknown field is no warning (which would fail this test)."""
    executor = Executor(FakeTransport(answer(body=b'{"_id": "1", "a": 1}')), None, RetryPolicy())

    assert (await executor.call(GET, ids=("1",))).extra == {"a": 1}


@pytest.mark.parametrize("strict", ["error", True, "", 1])
def test_other_settings_are_refused(strict: Any) -> None:
    """Strict is "warn" or nothing."""
    with pytest.raises(ConfigurationError, match='strict must be "warn" or None'):
        Pocketsflow("pk_test_sandbox", strict=strict)


def test_a_client_that_does_not_look_has_no_patch() -> None:
    """A job that forgot the setting is told so, instead of hearing that all is well."""
    with pytest.raises(ConfigurationError, match='strict="warn"'):
        Pocketsflow("pk_test_sandbox").spec_patch()
    assert Pocketsflow("pk_test_sandbox", strict="warn").spec_patch() == ""
