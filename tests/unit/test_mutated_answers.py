import asyncio
import math
import pickle
import random
import traceback
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import aiohttp
import attrs
import pytest
from msgspec.json import decode, encode
from mutations import NO_JSON, OTHER_TYPES, Answer, Mutated, example

from pocketsflow_async import APIResponseError, APIStatusError, InvalidArgumentError, Page, ServerError
from pocketsflow_async._convert import make_converter
from pocketsflow_async._generated import pocketsflow, pocketsflow_preview
from pocketsflow_async._model import Model
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import RawPage
from pocketsflow_async._plain import encode_exact
from pocketsflow_async._response import Response, decode_any, error_from, retry_after
from pocketsflow_async._wire import Codec, PageCodec, load
from pocketsflow_async.errors import STATUS_ERRORS
from pocketsflow_async.sandbox import Sandbox

SEEDS = range(8)
EACH = 10_000
"""Mutations of typed answers for each seed: 80,000 in all; 10,000 errors and 10,000 answers of no known shape."""


def found(package: types.ModuleType, folder: str, kind: type) -> dict[str, Any]:
    """Everything of a kind that the generated modules hold, by `module:name`."""
    above = import_module(f"{package.__name__}.{folder}")
    modules = [import_module(info.name) for info in iter_modules(above.__path__, f"{above.__name__}.")]
    return {
        f"{module.__name__}:{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, kind)
    }


PACKAGES = (pocketsflow, pocketsflow_preview)
CODECS: dict[str, Codec[Any]] = {k: v for one in PACKAGES for k, v in found(one, "wire", Codec).items()}
OPERATIONS: list[Operation[Any]] = [v for one in PACKAGES for v in found(one, "operations", Operation).values()]


async def from_the_sandbox() -> list[Answer]:
    """What a server says to every read without an id, cut down to two records."""
    async with (
        Sandbox(orders=30, rate_limit=None) as sandbox,
        aiohttp.ClientSession(headers={"Authorization": "Bearer pk_test_sandbox"}) as session,
    ):
        answers = []
        for operation in OPERATIONS:
            if operation.method == "GET" and "{" not in operation.path:
                async with session.get(sandbox.url + operation.path) as answer:
                    if answer.status == 200:
                        answers.append(Answer(operation.answer, shortened(decode(await answer.read()))))
    return answers


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shortened(one) for key, one in value.items()}
    return [shortened(one) for one in value[:2]] if isinstance(value, list) else value


@cache
def answers() -> list[Answer]:
    """A full answer for every decoder, and those of the sandbox."""
    made = [Answer(reference, example(codec.wire)) for reference, codec in CODECS.items()]
    return made + asyncio.run(from_the_sandbox())


def fits(value: Any, kind: Any) -> bool:
    """Whether a model's value has the type of its annotation, in a form that can be used."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or isinstance(kind, typing.TypeVar):
        return True
    if origin in {types.UnionType, typing.Union}:
        return any(fits(value, one) for one in arguments)
    if origin is list:
        return type(value) is list and all(fits(one, arguments[0]) for one in value)
    if origin is not None:
        return isinstance(value, dict) and all(
            isinstance(key, str) and fits(one, arguments[1]) for key, one in value.items()
        )
    if isinstance(value, Model):
        return type(value) is kind and all(fits(getattr(value, name), one) for name, one in hints(kind).items())
    if kind is Decimal:
        return type(value) is Decimal and value.is_finite()
    if kind is float:
        return type(value) is float and math.isfinite(value)
    if kind is datetime:
        return type(value) is datetime and value.utcoffset() is not None
    return type(value) is kind and (kind is not str or bool(value.encode() or not value))


@cache
def hints(kind: type) -> dict[str, Any]:
    names = {field.name for field in attrs.fields(kind)} - {"_extra"}
    return {name: hint for name, hint in typing.get_type_hints(kind).items() if name in names}


def models(value: Any) -> Iterator[Model]:
    """Every model in a value."""
    if isinstance(value, Model):
        yield value
        value = [getattr(value, name) for name in hints(type(value))]
    elif isinstance(value, Page):
        value = [value.items, value.pagination]
    if isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from models(one)


CONVERTER = make_converter()


def check_usable(value: Any) -> None:
    """What was read can be shown, compared, pickled, and written again."""
    assert len(repr(value)) < 10_000_000
    with suppress(RecursionError):  # Python 3.11 pickles nothing that is nested as deeply as `_nest` may do it
        assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - our own bytes
    for model in models(value):
        assert fits(model, type(model)), model
        extra = attempt(lambda model=model: model.extra)
        if isinstance(extra, APIResponseError):
            assert extra.path.startswith("$")
            continue
        assert all(isinstance(key, str) for key in extra)
        assert len(repr(extra)) < 10_000_000
    try:
        text = [encode_exact(CONVERTER.unstructure(one)) for one in models(value)]
    except (APIResponseError, InvalidArgumentError):  # an unknown field that cannot be read; a time before all UTC
        return
    assert sum(map(len, text)) < 10_000_000


def attempt(read: Callable[[], Any]) -> Any:
    """What is read, or the error of ours instead."""
    try:
        return read()
    except APIResponseError as error:
        return error


def outcome(read: Callable[[bytes], Any], mutated: Mutated) -> Any:
    """The answer, or the error of ours that it gave, which says where."""
    value = attempt(lambda: read(mutated.body))
    if isinstance(value, APIResponseError):
        assert value.path.startswith("$")
        assert value.body == mutated.body
        assert len(str(value)) < 1_000
        if mutated.kind == "type":
            known, free, _ = value.path.replace("._id", ".id").partition("[...]")  # a key of the server's own
            place = mutated.place.replace("._id", ".id")
            assert place.startswith(known) if free else known.startswith(place), value
    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mutated_answer_is_a_model_or_an_error_that_names_the_place(seed: int) -> None:
    """80,000 broken answers of every kind: each is a model that can be used, or an APIResponseError that says where."""
    dice = random.Random(seed)
    outcomes: Counter[str] = Counter()
    for number in range(seed * EACH, (seed + 1) * EACH):
        answer = dice.choice(answers())
        mutated = answer.mutated(number)
        codec = load(answer.reference)
        if number % 2:  # as if no unknown field had come before
            codec._is_strict = True
        try:
            value = outcome(codec.decode, mutated)
            outcomes[type(value).__name__ if isinstance(value, APIResponseError) else "model"] += 1
            if number % 4 == 0 and not isinstance(value, APIResponseError):
                check_usable(value)
            if number % 4 == 0 and isinstance(codec, PageCodec):
                raw = outcome(codec.raw, attrs.evolve(mutated, kind=f"{mutated.kind} (raw)"))
                assert isinstance(raw, RawPage | APIResponseError)
        except Exception as exc:
            raise AssertionError(f"seed {seed}, {answer.reference}, {mutated}") from exc
    assert min(outcomes["model"], outcomes["APIResponseError"]) > EACH / 5, outcomes


ERRORS = [
    Answer("", {"error": {"message": "No", "code": "X", "details": [{"field": "price"}]}}),
    Answer("", {"message": ["price must be given", "name too"], "error": "Bad Request", "statusCode": 400}),
    Answer("", {"message": "No", "code": 5, "error": {"error": {"message": "deep"}}}),
]
STATUSES = [*STATUS_ERRORS, 304, 402, 418, 500, 503, 599]
HEADERS = ["", "r_1", "\udcff\ud800", "x" * 8_000, "\u2028", "é"]


def test_a_mutated_error_is_an_error_of_its_status_with_text() -> None:
    """10,000 broken error bodies: each is the error of its status, with a message that can be printed, and pickles."""
    dice = random.Random(1)
    for number in range(EACH):
        mutated = dice.choice(ERRORS).mutated(number)
        status, header = dice.choice(STATUSES), dice.choice(HEADERS)
        error = error_from(Response(status, {"X-Request-Id": header, "Location": header}, mutated.body), "x.y")

        assert type(error) is STATUS_ERRORS.get(status, ServerError if status >= 500 else APIStatusError), mutated
        assert error.message, mutated
        for text in (error.message, error.code or "", error.request_id or "", str(error)):
            assert text.encode() is not None, mutated
        if number % 4 == 0:
            again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
            assert len(repr(again.body)) == len(repr(error.body)), mutated
            assert len(traceback.format_exception(error)) > 0


def test_a_mutated_answer_of_unknown_shape_is_plain_data_or_an_error() -> None:
    """10,000 broken answers where no shape is known: plain data that can be used, or an APIResponseError."""
    dice = random.Random(2)
    for number in range(EACH):
        mutated = dice.choice(answers()).mutated(number)
        value = outcome(lambda body: decode_any(Response(200, {}, body)), attrs.evolve(mutated, kind="any"))
        if number % 4 == 0 and not isinstance(value, APIResponseError):
            assert len(repr(value)) < 10_000_000, mutated
            assert pickle.loads(pickle.dumps(value)) == value, mutated  # noqa: S301 - our own bytes
            assert encode(value), mutated


ABSURD = [
    *(
        "nan",
        "inf",
        "-inf",
        "1e400",
        "-1",
        "-0",
        "0",
        "0.0000001",
        "1_0",
        "0x10",
        " ",
        "\u0663",
        "\ud800",
        ".",
        "1.",
        ".5",
    ),
    *("9" * 308, "9" * 309, "9" * 10_000, "0." + "9" * 10_000, "-" + "9" * 10_000),
]
DATES = [
    f"Thu, {day} Jan {year} {clock} {zone}"
    for day in ("1", "31", "0", "32", "9" * 5_000)
    for year in ("1", "0001", "0", "69", "9999", "10000", "-1", "9" * 20, "9" * 5_000)
    for clock in ("00:00:00", "23:59:60", "24:00:00", "99:99:99", "1", f"{'9' * 30}:0:0")
    for zone in ("GMT", "+2359", "-2359", "+9999", "-0000", f"+{'9' * 20}", f"-{'9' * 5_000}", "")
]


def test_an_absurd_retry_after_is_none_or_can_be_waited() -> None:
    """Whatever `Retry-After` says, seconds or a date before or after all time: None, or a finite number from 0."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for text in [*ABSURD, *DATES, *(token.decode("latin-1") for token in (*OTHER_TYPES, *NO_JSON))]:
        seconds = retry_after({"retry-after": text}, now=noon)

        assert seconds is None or (type(seconds) is float and 0.0 <= seconds < math.inf), text[:80]
    far = retry_after({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, now=noon)
    assert far is not None
    assert far > 2.5e11
    assert retry_after({"retry-after": "Mon, 01 Jan 0001 00:00:00 GMT"}, now=noon) in {None, 0.0}
