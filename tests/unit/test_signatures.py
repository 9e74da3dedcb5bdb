"""Every public signature, found by inspection, is called with values of every kind that it does not take."""

import datetime as dt
import inspect
import math
import typing
import warnings
from collections import abc
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import IO, Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest
from fakes import virtual_time

import pocketsflow_async
from pocketsflow_async import (
    UNSET,
    APIConnectionError,
    ExportError,
    Pocketsflow,
    PocketsflowError,
    Unset,
    Upload,
    pocketsuite,
    sandbox,
    webhooks,
)
from pocketsflow_async import export as exporting
from pocketsflow_async._executor import Executor
from pocketsflow_async._paging import Pager as PagerClass
from pocketsflow_async._retry import RetryPolicy
from pocketsflow_async._transport import Transport
from pocketsflow_async._values import number, whole
from pocketsflow_async.models import Order
from pocketsflow_async.pocketsuite import OAuth2, PocketSuite
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox


class Colour(Enum):
    RED = "red"


async def coroutine_function(*_: Any) -> None: ...


WRONG: dict[str, Any] = {
    "None": None,
    "number": 5,
    "negative": -1,
    "fraction": 1.5,
    "nan": math.nan,
    "huge": 10**5000,
    "large": 10**400,
    "flag": True,
    "text": "x",
    "empty text": "",
    "half a character": "\ud83d",
    "bytes": b"x",
    "list": [],
    "list of None": [None],
    "list of numbers": [5],
    "tuple": (5, "x"),
    "pairs": [("a", "b")],
    "mapping": {},
    "mapping of numbers": {5: 5},
    "set": {1},
    "generator": None,  # made anew for each call
    "object": object(),
    "class": int,
    "function": lambda *_, **__: None,
    "coroutine function": coroutine_function,
    "enum": Colour.RED,
    "naive time": dt.datetime(2024, 1, 1),  # noqa: DTZ001 - naive on purpose
    "timedelta": dt.timedelta(days=1),
    "array": np.array([1, 2]),
    "numpy's timedelta": np.timedelta64(5, "ns"),
    "numpy's flag": np.bool_(True),  # noqa: FBT003
    "model": Order(id="a", buyer_email="rosa@example.com"),
}


class Sent(APIConnectionError):  # noqa: N818 - no error here
    """The call was accepted and a request made of it."""


class NoTransport:
    """Raises for whatever is sent."""

    async def send(self, _: Any) -> Any:
        raise Sent("sent", received=True)

    async def aclose(self) -> None: ...


def offline(client: Any) -> Any:
    """A client whose requests end in `Sent`."""
    client._connection._executor = Executor(NoTransport(), None, RetryPolicy(attempts=1))
    return client


def pocketsflow() -> Pocketsflow:
    return offline(Pocketsflow("pk_test_a", rate_limit=None))


def oauth(**settings: Any) -> OAuth2:
    return OAuth2(**({"client_id": "a", "access_token": "a", "redirect_uri": "https://a.example"} | settings))


def pocket_suite() -> PocketSuite:
    return offline(PocketSuite(oauth(), rate_limit=None))


# ------------------------------------------------------------------------------------ what a type hint takes


def fits(hint: Any, value: Any) -> bool:  # noqa: PLR0912 - one for each form of a hint
    """Whether a value is of a type, as far as a type checker would say; a float may be any finite real number."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in {Any, object}:
        return True
    if hint in {None, NoneType}:
        return value is None
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin in {Union, UnionType}:
        return any(fits(one, value) for one in inner)
    if origin in {abc.Mapping, dict}:
        return isinstance(value, Mapping) and all(fits(inner[0], k) and fits(inner[1], v) for k, v in value.items())
    if origin in {abc.Sequence, list}:
        return isinstance(value, list | tuple) and all(fits(inner[0], one) for one in value)
    if origin is abc.Iterable:
        return isinstance(value, Iterable) and (isinstance(value, Iterator) or all(fits(inner[0], v) for v in value))
    if origin in {abc.Callable, Callable}:
        return callable(value)
    if origin in {abc.AsyncIterable, AsyncIterable}:
        return hasattr(value, "__aiter__")
    if origin in {IO, typing.IO}:
        return hasattr(value, "read") and not isinstance(value, type)
    if hint is float:
        return not isinstance(value, bool) and (number(value) is not None or whole(value) is not None)
    if hint is int:
        return whole(value) is not None
    if getattr(hint, "_is_protocol", False):
        return all(hasattr(value, name) for name in ("claim", "finish", "release"))
    return isinstance(value, origin or hint)


NAMES: dict[str, Any] = {**vars(typing), **vars(abc), "dt": dt, "Decimal": Decimal, "Unset": Unset, "UNSET": UNSET}
for _module in (
    "pocketsflow_async._config",
    "pocketsflow_async._upload",
    "pocketsflow_async._quota",
    "pocketsflow_async._response",
    "pocketsflow_async._webhook_handler",
    "pocketsflow_async.models",
    "pocketsflow_async.pocketsuite.models",
    "aiohttp",
):
    _found = import_module(_module)
    NAMES |= {name: getattr(_found, name) for name in dir(_found) if not name.startswith("_")}


def hint_of(function: Any, parameter: inspect.Parameter) -> Any:
    """A parameter's type hint, whether it is written as text or stands for one that only type checkers import."""
    hint = parameter.annotation
    if not isinstance(hint, str):
        return hint
    own = getattr(inspect.unwrap(function), "__globals__", None) or vars(import_module(function.__module__))
    return eval(hint, {**NAMES, **own})  # noqa: S307 - our own annotations


# ------------------------------------------------------------------------------------ what is called

SIGNED = {"X-Pocketsflow-Signature": webhooks.sign(b"{}", "s")}

GOOD: dict[str, Any] = {
    "folder": ".",
    "to": "a",
    "retries": 1,
    "on_event": coroutine_function,
    "id": "a",
    "limit": 5,
    "client_id": "a",
    "body": b"{}",
    "headers": SIGNED,
    "secret": "s",
    "code": "c",
    "method": "GET",
    "path": "/a",
    "resource": "orders",
    "resources": ["orders"],
    "file": b"x",
    "session_id": "a",
    "kind": "invalid_json",
    "order_id": "a",
    "fields": {},
    "place": 0,
    "start_date": "2024-01-01",
    "end_date": "2024-01-02",
}
"""What is given for the parameters that are not tried, if they must be given; others by their type."""


def good(function: Any, parameter: inspect.Parameter) -> Any:
    """A value that is taken."""
    if parameter.name == "pf":
        return pocketsflow()
    if parameter.name in GOOD and fits(hint_of(function, parameter), GOOD[parameter.name]):
        return GOOD[parameter.name]
    hint = hint_of(function, parameter)
    return next(one for one in ("a", 1, True, ["a"], {"a": "b"}, b"a") if fits(hint, one))


class Target(typing.NamedTuple):
    """A public signature.

    Attributes:
        name: for the report.
        function: has the signature.
        make: gives what is called, on a client of its own.
        given: what is given besides.
    """

    name: str
    function: Any
    make: Callable[[], Callable[..., Any]]
    given: Mapping[str, Any] = MappingProxyType({})

    def parameters(self) -> list[inspect.Parameter]:
        found = inspect.signature(self.function).parameters.values()
        return [one for one in found if one.name != "self" and one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL}]


def resources(make: Callable[[], Any], prefix: str) -> Iterator[Target]:
    """Every method of every resource."""
    owner = make()
    generated = next(base for base in type(owner).__mro__ if base.__name__ == "Resources")
    for resource in (name for name in vars(generated) if not name.startswith("_")):
        cls = type(getattr(owner, resource))
        for method, function in vars(cls).items():
            if not method.startswith("_"):
                yield Target(
                    f"{prefix}.{resource}.{method}",
                    function,
                    lambda resource=resource, method=method: getattr(getattr(make(), resource), method),
                    {"phone": "1"} if (prefix, resource, method) == ("ps", "clients", "create") else {},
                )


async def uploading(**fields: Any) -> Any:
    """What an upload is given is checked when it is used."""
    return await pocketsflow().preview.images.upload(file=Upload(**fields))


def methods(cls: type, make: Callable[[], Any], *names: str, **given: Any) -> Iterator[Target]:
    """Some methods of an object."""
    for name in names:
        yield Target(f"{cls.__name__}.{name}", getattr(cls, name), lambda name=name: getattr(make(), name), given)


def public(module: Any) -> Iterator[Any]:
    """What a module defines and shows."""
    names = getattr(module, "__all__", None) or [
        name
        for name, found in vars(module).items()
        if not name.startswith("_") and getattr(found, "__module__", "") == module.__name__
    ]
    for name in names:
        found = getattr(module, name)
        if getattr(found, "__module__", "").startswith("pocketsflow_async"):
            yield found


GIVEN_OUT = {
    *(
        "AuthorizationRequest",
        "Delivery",
        "Fault",
        "Faults",
        "Page",
        "Pager",
        "QuotaState",
        "Shop",
        "Tokens",
        "Trigger",
    ),
    *("UploadedFile", "Unset", "Attempt", "Event", "AuditReport", "Difference", "ExportProgress", "ExportReport"),
    *("ResourceReport", "Preview"),
}
"""Classes that the package makes and callers read."""

MADE: dict[str, dict[str, Any]] = {
    "Pocketsflow": {"api_key": "pk_test_a"},
    "PocketSuite": {},
    "Sandbox": {"orders": 1},
    "OAuth2": {"client_id": "a"},
    "parse_trigger": {"trigger": "client.updated", "body": {"id": "a", "name": "b"}},
}
"""What a constructor is given besides; those of unnamed classes get nothing."""

MODULES = (
    pocketsflow_async,
    webhooks,
    pocketsuite,
    sandbox,
    import_module("pocketsflow_async.sandbox.pocketsuite"),
    exporting,
)


def everything() -> Iterator[Target]:
    """Every public signature."""
    seen: set[Any] = set()
    for module in MODULES:
        for found in public(module):
            if found in seen or getattr(found, "__name__", "") in GIVEN_OUT:
                continue
            seen.add(found)
            if inspect.isclass(found) and issubclass(found, BaseException):
                continue
            given = dict(MADE.get(found.__name__, {})) if callable(found) else {}
            if found is Upload:
                yield Target("Upload", Upload, lambda: uploading)
            elif inspect.isclass(found):
                if found.__name__ == "PocketSuite":
                    given["auth"] = oauth()
                yield Target(found.__name__, found, lambda found=found: found, given)
            elif inspect.isfunction(found):
                name = f"{module.__name__.rpartition('.')[2]}.{found.__name__}"
                yield Target(name, found, lambda found=found: found, MADE.get(found.__name__, {}))
    yield from resources(pocketsflow, "pf")
    yield from resources(lambda: pocketsflow().preview, "pf.preview")
    yield from resources(pocket_suite, "ps")
    yield from methods(Pocketsflow, pocketsflow, "request")
    walks = ("items", "pages", "collect", "raw_pages", "raw_page")
    yield from methods(PagerClass, pocketsflow().orders.list, *walks)
    yield from methods(OAuth2, oauth, "authorize_url", "exchange")
    box = sandbox.Sandbox(orders=3)
    yield from methods(sandbox.Faults, lambda: box.faults, "add")
    yield from methods(sandbox.Shop, lambda: box.shop, "order", "insert_order")
    suite = PocketSuiteSandbox(clients=3)
    yield from methods(PocketSuiteSandbox, lambda: suite, "fire", trigger="client.created")
    newest = box.shop.order(0)["_id"]
    yield from methods(sandbox.Shop, lambda: box.shop, "update_order", order_id=newest)


TARGETS = {target.name: target for target in everything()}
ALIASES = {
    "order_id": ("Order not found",),
    **dict.fromkeys(("resource", "resources"), ("no such resource", "no resource is named")),
    "json": ("the body", "a value"),
    "body": ("the body", "client.updated: the delivery"),
    "api_key": ("API key",),
    "content": ("file must be bytes",),
    "content_type": ("content type",),
    "secret": ("webhook secret",),
    "params": ("the name of a parameter",),
    "headers": ("the name of a header", "the delivery has no"),
    "trigger": ("is no trigger",),
    **dict.fromkeys(("username", "product_id", "stripe_subscription_id"), ("the id", "is no id")),
}
"""How an error names a parameter, where it is not by its name."""


async def outcome(target: Target, arguments: dict[str, Any]) -> Exception | None:
    """What a call raises; None if it was accepted, whatever became of its request."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = target.make()(**arguments)
            if inspect.isasyncgen(result):
                await anext(result)
            elif inspect.isawaitable(result):
                await result
        except (Sent, ExportError):
            return None
        except Exception as exc:  # noqa: BLE001 - what it may be is what is tested
            return exc
    return None


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing comes from the environment, and files go into a folder of the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("POCKETSFLOW_API_KEY", "POCKETSFLOW_BASE_URL", "POCKETSUITE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Transport, "send", NoTransport.send)


def arguments_of(target: Target) -> dict[str, Any]:
    """What has to be given, and is taken."""
    needed = [one for one in target.parameters() if one.default is one.empty and one.name not in target.given]
    return dict(target.given) | {one.name: good(target.function, one) for one in needed}


@pytest.mark.parametrize("name", TARGETS)
@virtual_time
async def test_a_value_is_taken_by_its_type_hint_or_refused_by_name(name):
    """No value ends in an error of Python's own, none is taken that the hint excludes, and nothing is sent for it."""
    target, wrong = TARGETS[name], []
    assert await outcome(target, arguments_of(target)) is None, "what is right must be taken"
    for parameter in target.parameters():
        hint = hint_of(target.function, parameter)
        for kind, sample in WRONG.items():
            value = (letter for letter in "ab") if kind == "generator" else sample
            error = await outcome(target, arguments_of(target) | {parameter.name: value})
            words = (parameter.name, parameter.name.rstrip("_"), *ALIASES.get(parameter.name, ()))
            if error is None:
                if not fits(hint, value) and value is not parameter.default:
                    wrong.append(f"{parameter.name}={kind}: taken, but it is {parameter.annotation}")
            elif not isinstance(error, PocketsflowError):
                wrong.append(f"{parameter.name}={kind}: {type(error).__name__}: {error}"[:200])
            elif not any(word in str(error) for word in words):
                wrong.append(f"{parameter.name}={kind} is not named: {error}")
            elif "rosa" in str(error) or len(str(error)) > 400:
                wrong.append(f"{parameter.name}={kind}: too much is shown: {str(error)[:300]}")
    assert not wrong, "\n" + "\n".join(wrong)
