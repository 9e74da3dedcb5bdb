"""The columns of a resource, as the spec gives them: flat names and kinds, in the spec's order.

They come from the same generated structs that read answers, so a table and the models cannot disagree on what a field
is called or holds. A field of a nested object is called `object__field`. No name of the spec has two underscores, so
a field that the spec gains later never renames a column that is there already.
"""

from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any, Literal

import attrs
import msgspec
from msgspec import inspect

Kind = Literal["text", "money", "integer", "number", "flag", "time", "json"]

EXTRA = "extra"
"""The last column of every table: what no other column holds, as JSON text."""


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        path: the API's names that lead to its values; empty for `extra`.
    """

    name: str
    kind: Kind
    path: tuple[str, ...] = ()


@cache
def columns_of(resource: str) -> tuple[Column, ...]:
    """The columns of a resource's table, `extra` the last."""
    module = import_module(f"pocketsflow_async._generated.pocketsflow.wire.{resource}")
    return columns_from(_record(inspect.type_info(module.LIST_PAGE.wire)))


def columns_from(record: inspect.Type) -> tuple[Column, ...]:
    """The columns of a table of such records."""
    found: list[Column] = []
    _collect(record, (), (), found)
    taken = {EXTRA}
    columns: list[Column] = []
    for column in found:
        name, number = column.name, 1
        while name in taken:
            number += 1
            name = f"{column.name}_{number}"
        taken.add(name)
        columns.append(attrs.evolve(column, name=name))
    return (*columns, Column(EXTRA, "json"))


def _record(page: inspect.Type) -> inspect.Type:
    """What a page of a list is made of: an array of records, or an object that holds one."""
    lists = [page] if isinstance(page, inspect.ListType) else [one.type for one in getattr(page, "fields", ())]
    return next(
        one.item_type
        for one in lists
        if isinstance(one, inspect.ListType) and isinstance(one.item_type, inspect.StructType)
    )


def _collect(
    info: inspect.Type, names: tuple[str, ...], path: tuple[str, ...], found: list[Column], above: tuple[Any, ...] = ()
) -> None:
    """Add the columns of one field, or of all fields of an object."""
    kinds = [one for one in _members(info) if not isinstance(one, inspect.NoneType)]
    only = kinds[0] if len(kinds) == 1 else None
    if isinstance(only, inspect.StructType) and only.cls not in above:
        for field in only.fields:
            _collect(field.type, (*names, field.name), (*path, field.encode_name), found, (*above, only.cls))
    else:
        found.append(Column("__".join(names), _kind(only), path))


def _members(info: inspect.Type) -> tuple[inspect.Type, ...]:
    return info.types if isinstance(info, inspect.UnionType) else (info,)


def _kind(info: inspect.Type | None) -> Kind:
    match info:
        case inspect.StrType() | inspect.EnumType():
            return "text"
        case inspect.DecimalType():
            return "money"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "number"
        case inspect.BoolType():
            return "flag"
        case inspect.DateTimeType():
            return "time"
        case _:
            return "json"


@cache
def spec_version() -> str:
    """The version of the spec that the columns come from."""
    text = files("pocketsflow_async._generated.pocketsflow").joinpath("openapi.json").read_bytes()
    return msgspec.json.decode(text, type=_Document).info.version


class _Info(msgspec.Struct):
    version: str


class _Document(msgspec.Struct):
    info: _Info
