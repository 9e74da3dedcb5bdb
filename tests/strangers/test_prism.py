"""Every generated operation against a mock server that knows nothing but the spec, and checks every request."""

import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

import aiohttp
import attrs
import pytest
import yaml
from prism import Prism

from pocketsflow_async import Pocketsflow, RequestOptions, RetryPolicy, models
from pocketsflow_async._convert import make_converter
from pocketsflow_async._generated.pocketsflow import operations
from pocketsflow_async._model import Model, OpenEnum
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import Page
from pocketsflow_async.errors import STATUS_ERRORS, APIStatusError, RateLimitError, ServerError

SPEC_FILE = Path(__file__).parent.parent.parent / "openapi" / "pocketsflow.yaml"
KEY = "pk_test_prism"

pytestmark = pytest.mark.timeout(300)  # npm may have to install first

# -------------------------------------------------------------------------------------------------------- the table


def collected() -> dict[str, tuple[Operation[Any], type[Model]]]:
    """All operations of the generated package by name, with the class of the record that they answer with."""
    found = {}
    for info in iter_modules(operations.__path__, f"{operations.__name__}."):
        module = import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, Operation):
                record = re.findall(r"\w+", module.__annotations__[name])[-1]
                found[value.name] = (value, getattr(models, record))
    return found


OPERATIONS = collected()
SPEC = yaml.safe_load(SPEC_FILE.read_text())
DESCRIBED = {
    operation["operationId"]: operation
    for item in SPEC["paths"].values()
    for verb, operation in item.items()
    if verb in {"get", "put", "post", "patch", "delete"}
}


def resolved(part: Any) -> Any:
    """A part of the spec, or what it refers to."""
    while "$ref" in part:
        _, *steps = part["$ref"].split("/")
        part = SPEC
        for step in steps:
            part = part[step]
    return part


def names_of(operation: str) -> set[str]:
    """The names that the spec gives the query parameters and the body fields of an operation."""
    described = DESCRIBED[operation]
    query = [resolved(one) for one in described.get("parameters", ())]
    content = described.get("requestBody", {}).get("content", {})
    bodies = [resolved(one["schema"]).get("properties", {}) for one in content.values()]
    return {one["name"] for one in query}.union(*bodies)


ID = "65f0c0ffee00000000000001"
TEXTS = {
    "email": "reader@example.com",
    "reply_to": "reader@example.com",
    "to": "reader@example.com",
    "url": "https://example.com/here",
    "thumbnail": "https://example.com/small.png",
    "currency": "USD",
    "country": "DE",
    "html": "<p>Hello</p>",
    "date": "2024-01-31",
    "expiration": "2024-12-31T23:59:59Z",
}
"""Texts for names that end like this; any other text is an identifier."""

SAMPLES: dict[str, Any] = {
    "bool": True,
    "int": 1,
    "float": 12.5,
    "Decimal": Decimal("29.99"),
    "dt.date": dt.date(2024, 1, 31),
    "dt.datetime": dt.datetime(2024, 1, 31, 12, 30, tzinfo=dt.UTC),
    "Mapping[str, Any]": {"cart": 7, "from": {"page": "home"}},
    "None": None,
}
"""A value for each kind that stands in the annotation of an argument."""


def samples(operation: str, name: str, annotation: str) -> list[Any]:
    """A value of each kind that the annotation of an argument allows."""
    found: list[Any] = []
    for kind in re.split(r"\s*\|\s*(?![^\[]*\])", annotation):
        enum = getattr(models, kind.removeprefix("models."), None)
        if kind in SAMPLES:
            found.append(SAMPLES[kind])
        elif kind.startswith("Sequence["):
            found.append(samples(operation, name, kind.removeprefix("Sequence[").removesuffix("]")))
        elif isinstance(enum, type) and issubclass(enum, OpenEnum):
            found += [next(iter(enum)), next(iter(enum)).value]
        elif kind == "str" and not any(isinstance(value, OpenEnum) for value in found):
            ends = (text for end, text in TEXTS.items() if f"_{name}".endswith(f"_{end}"))
            found.append(next(ends, ID))
        elif kind not in {"str", "Unset"}:
            pytest.fail(f"{operation}: no sample for {name}: {annotation}; add one to SAMPLES here", pytrace=False)
    return found


def calls(operation: str, method: Any) -> Iterator[dict[str, Any]]:
    """Arguments for several calls: what is required, then everything, with each kind of each argument in turn."""
    parameters = [one for one in signature(method).parameters.values() if one.name != "options"]
    values = {one.name: samples(operation, one.name, one.annotation) for one in parameters}
    yield {one.name: values[one.name][0] for one in parameters if one.default is Parameter.empty}
    for turn in range(max(map(len, values.values()), default=0)):
        yield {name: several[turn % len(several)] for name, several in values.items()}


# -------------------------------------------------------------------------------------------------------- the server


@pytest.fixture(scope="session")
def running_prism(node: str, node_modules: Path) -> Iterator[Prism]:
    """One Prism for all tests."""
    prism = Prism(node, node_modules / "@stoplight" / "prism-cli" / "dist" / "index.js", SPEC_FILE)
    prism.wait(60)
    yield prism
    prism.stop()


@pytest.fixture
def prism(running_prism: Prism) -> Iterator[Prism]:
    """Prism; what it logs during a test is shown when the test fails."""
    before = len(running_prism.log)
    yield running_prism
    print("\n".join(running_prism.log[before:]))  # noqa: T201 - pytest shows it with a failure only


@attrs.define
class Exchange:
    """One request, with the names of its parameters and fields, and its answer, as they were on the wire."""

    method: str
    names: set[str]
    status: int
    violations: str | None
    body: Any


@pytest.fixture
def exchanges() -> list[Exchange]:
    """What was sent and answered during the test."""
    return []


@pytest.fixture
async def pf(prism: Prism, exchanges: list[Exchange]) -> AsyncIterator[Pocketsflow]:
    """Our client, whose aiohttp session notes every exchange."""
    sent: list[bytes] = []

    async def sending(_: aiohttp.ClientSession, __: SimpleNamespace, part: aiohttp.TraceRequestChunkSentParams) -> None:
        sent.append(part.chunk)

    async def note(_: aiohttp.ClientSession, __: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
        answer = end.response
        names = {*end.url.query, *json.loads(b"".join(sent) or b"{}")}
        sent.clear()
        body = json.loads(await answer.read(), parse_float=Decimal)
        exchanges.append(Exchange(end.method, names, answer.status, answer.headers.get("sl-violations"), body))

    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(sending)
    trace.on_request_end.append(note)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        Pocketsflow(KEY, base_url=prism.url, rate_limit=None, retry=RetryPolicy(attempts=1), session=session) as pf,
    ):
        yield pf


def method_of(pf: Pocketsflow, operation: str) -> Any:
    """The public method that carries an operation out."""
    resource, method = operation.split(".")
    return getattr(getattr(pf, resource), method)


# --------------------------------------------------------------------------------------------------------- the tests


def test_the_table_is_the_spec() -> None:
    """Every operation that the spec describes was generated, and nothing else."""
    assert OPERATIONS.keys() == DESCRIBED.keys()
    assert len(OPERATIONS) >= 46


@pytest.mark.parametrize("name", OPERATIONS)
async def test_requests_are_valid_and_answers_become_models(
    name: str, pf: Pocketsflow, exchanges: list[Exchange]
) -> None:
    """Prism accepts the request however it is filled in, and its whole answer arrives in the right class."""
    operation, record = OPERATIONS[name]
    success = {int(status) for status in DESCRIBED[name]["responses"] if status.startswith("2")}

    for arguments in calls(name, method_of(pf, name)):
        exchanges.clear()
        try:
            answer = await method_of(pf, name)(**arguments)
        except APIStatusError as error:
            pytest.fail(f"Prism refused {arguments}: {error.headers.get('sl-violations', error)}", pytrace=False)

        [exchange] = exchanges
        assert exchange.method == operation.method
        assert exchange.status in success
        assert exchange.violations is None
        # Prism lets names pass that the spec does not have, so they are compared here.
        given = sum(value is not None or operation.paging is None for value in arguments.values())
        assert exchange.names <= names_of(name)
        assert len(exchange.names) >= given - operation.path.count("{}")
        if operation.paging is None:
            assert_is_all_of(answer, record, exchange.body)
            continue
        assert isinstance(answer, Page)
        sent = exchange.body if isinstance(exchange.body, list) else next(iter(exchange.body.values()))
        assert len(answer.items) == len(sent) >= 1
        for item, body in zip(answer.items, sent, strict=True):
            assert_is_all_of(item, record, body)


def assert_is_all_of(model: object, record: type[Model], body: Any) -> None:
    """The model is of this class and, written as JSON again, is what was answered: nothing lost, nothing unknown."""
    assert type(model) is record
    assert isinstance(model, Model)
    assert model.extra == {}
    assert exact(make_converter().unstructure(model)) == body


def exact(value: Any) -> Any:
    """Plain data with exact numbers and without fields that are null."""
    if isinstance(value, dict):
        return {name: exact(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


ERRORS = [
    (name, int(status)) for name in OPERATIONS for status in DESCRIBED[name]["responses"] if not status.startswith("2")
]


@pytest.mark.parametrize(("name", "status"), ERRORS)
async def test_every_error_becomes_its_class(
    name: str, status: int, pf: Pocketsflow, exchanges: list[Exchange]
) -> None:
    """Each error status that the spec gives an operation is raised as the class for it, with what Prism said."""
    arguments = next(calls(name, method_of(pf, name)))
    wish = RequestOptions(headers={"Prefer": f"code={status}"})

    with pytest.raises(APIStatusError) as caught:
        await method_of(pf, name)(**arguments, options=wish)

    error = caught.value
    assert type(error) is STATUS_ERRORS.get(status, ServerError)
    assert (error.status, error.message, error.code) == (
        status,
        exchanges[0].body["message"],
        exchanges[0].body["code"],
    )
    if isinstance(error, RateLimitError):
        assert error.retry_after == 30.0


async def test_prism_does_check_requests(pf: Pocketsflow, exchanges: list[Exchange]) -> None:
    """A request that the spec does not allow is refused, so that the tests above prove something."""
    with pytest.raises(APIStatusError) as caught:
        await pf.request("POST", "/products", json={"name": 5})

    assert caught.value.status == 400
    assert "price" in str(exchanges[0].violations)
