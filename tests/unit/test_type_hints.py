"""Type hints can be asked for, as frameworks do that make tools, routes or forms of functions."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import pocketsflow_async
from pocketsflow_async import Pager, Pocketsflow, RequestOptions
from pocketsflow_async.models import Order


def public(name: str) -> bool:
    """Whether a module is a promise, or generated for one."""
    return "._" not in name.replace("._generated.", ".") and not name.endswith("__main__")


MODULES = sorted(
    one.name
    for one in pkgutil.walk_packages(pocketsflow_async.__path__, "pocketsflow_async.")
    if public(one.name) and not one.name.endswith("_generated")
)


def functions(cls: type) -> Iterator[tuple[str, Any]]:
    """The functions of a class, those behind its properties included."""
    for name, value in vars(cls).items():
        found = getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
        if inspect.isfunction(found):
            yield f"{cls.__qualname__}.{name}", found


def hinted(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The classes and functions that a module shows, and the functions of the classes."""
    for name in getattr(module, "__all__", [*vars(module)]):
        value = getattr(module, name)
        ours = str(getattr(value, "__module__", "")).startswith("pocketsflow_async")
        if ours and inspect.isclass(value):
            yield name, value
            for cls in (one for one in value.__mro__ if one.__module__.startswith("pocketsflow_async")):
                yield from functions(cls)
        elif ours and inspect.isfunction(value):
            yield name, value


@pytest.mark.parametrize("name", ["pocketsflow_async", *MODULES])
def test_type_hints_resolve(name: str) -> None:
    """The hints of every public class and function, and of every generated method, are types."""
    for what, value in hinted(importlib.import_module(name)):
        try:
            typing.get_type_hints(value)
        except (NameError, AttributeError, TypeError) as exc:
            raise AssertionError(f"{name}.{what}: {exc}") from exc


def test_type_hints_are_the_classes() -> None:
    """A hint is the class itself, not something that stands for it."""
    orders = type(Pocketsflow("pk_test_sandbox").orders)

    listed, got = typing.get_type_hints(orders.list), typing.get_type_hints(orders.get)

    assert listed["return"] == Pager[Order]
    assert got == {"id": str, "options": RequestOptions | None, "return": Order}


def test_signatures_can_be_evaluated() -> None:
    """`inspect.signature` gives the same."""
    signature = inspect.signature(type(Pocketsflow("pk_test_sandbox").orders).get, eval_str=True)

    assert signature.return_annotation is Order
