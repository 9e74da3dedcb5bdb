"""Which function answers which operation."""

from collections.abc import Mapping
from typing import Any, Final

from pocketsflow_async.sandbox import _answers_shared as shared
from pocketsflow_async.sandbox._answers_account import ACCOUNT
from pocketsflow_async.sandbox._answers_preview import PREVIEW
from pocketsflow_async.sandbox._answers_sales import SALES
from pocketsflow_async.sandbox._answers_shop import SHOP
from pocketsflow_async.sandbox._calls import Call, Refused
from pocketsflow_async.sandbox._routes import Operation

_TABLES: Final[Mapping[str, Mapping[tuple[str, str], shared.Handler]]] = {
    "SHOP in sandbox/_answers_shop.py": SHOP,
    "SALES in sandbox/_answers_sales.py": SALES,
    "ACCOUNT in sandbox/_answers_account.py": ACCOUNT,
    "PREVIEW in sandbox/_answers_preview.py": PREVIEW,
}
_SPECIAL: Final = {key: handler for table in _TABLES.values() for key, handler in table.items()}
_SHARED: Final[Mapping[str, shared.Handler]] = {
    "list": shared.list_records,
    "get": shared.get_record,
    "create": shared.create_record,
    "update": shared.update_record,
    "delete": shared.delete_record,
}


def handler_for(operation: Operation) -> shared.Handler:
    """The behaviour of an operation: its own, else the one that its kind shares."""
    special = _SPECIAL.get((operation.resource, operation.method))
    return special or _SHARED.get(operation.method, _unknown)


def _unknown(call: Call) -> Any:
    operation = call.operation
    place = next(
        (name for name, table in _TABLES.items() if any(resource == operation.resource for resource, _ in table)),
        "one of the tables that sandbox/_handlers.py imports",
    )
    name = f"{operation.resource}.{operation.method}"
    raise Refused(501, "NOT_IMPLEMENTED", f"no sandbox function for {name}: add it to {place}")
