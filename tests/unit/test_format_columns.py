from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async.export._columns import columns_from, columns_of, spec_version


class Inner(Struct, rename="camel"):
    id: str
    first_name: str | None = None
    outer: "Outer | None" = None


class Outer(Struct, rename="camel"):
    id: str
    inner: Inner | None = None
    inner__id: int | None = None
    extra: Decimal | None = None
    tags: list[str] | None = None
    free: dict[str, Any] | None = None
    either: int | str | None = None
    when: datetime | None = None
    good: bool | None = None
    share: float | None = None


def test_nested_fields_have_flat_names_in_the_order_of_the_spec():
    """`object__field`; a name that is taken gets a number, `extra` is kept for the last column."""
    columns = columns_from(msgspec.inspect.type_info(Outer))

    assert [(column.name, column.kind, ".".join(column.path)) for column in columns] == [
        ("id", "text", "id"),
        ("inner__id", "text", "inner.id"),
        ("inner__first_name", "text", "inner.firstName"),
        ("inner__outer", "json", "inner.outer"),
        ("inner__id_2", "integer", "innerId"),
        ("extra_2", "money", "extra"),
        ("tags", "json", "tags"),
        ("free", "json", "free"),
        ("either", "json", "either"),
        ("when", "time", "when"),
        ("good", "flag", "good"),
        ("share", "number", "share"),
        ("extra", "json", ""),
    ]


@pytest.mark.parametrize("resource", LISTS)
def test_every_list_has_columns_that_no_database_confuses(resource: str):
    """The id comes first, `extra` last, and no two names differ by their case alone."""
    names = [column.name for column in columns_of(resource)]

    assert names[0] == "id"
    assert names[-1] == "extra"
    assert len({name.lower() for name in names}) == len(names)
    assert all(name.isascii() and name.isidentifier() for name in names)


def test_the_columns_of_orders_are_those_of_the_model():
    """Python's names, each with the kind that the model has."""
    kinds = {column.name: column.kind for column in columns_of("orders")}

    assert kinds["gross_amount"] == kinds["product__price"] == "money"
    assert kinds["created_at"] == kinds["product__updated_at"] == "time"
    assert kinds["is_refunded"] == "flag"
    assert kinds["metadata"] == kinds["product__files"] == "json"
    assert kinds["product__type"] == kinds["customer__buyer_email"] == "text"
    assert columns_of("customers")[4].kind == "integer"


def test_the_version_of_the_spec_is_known():
    """It is the one of the document that the models were generated from."""
    assert spec_version() == "2026.11"
