"""Life in the shop while somebody reads its lists: orders come, change and go without the API being asked."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from pocketsflow_async._json import is_mapping
from pocketsflow_async._values import is_text, shown, whole
from pocketsflow_async.errors import InvalidArgumentError
from pocketsflow_async.sandbox._calls import Refused, invalid, missing
from pocketsflow_async.sandbox._ids import Dice
from pocketsflow_async.sandbox._store import Record, Store
from pocketsflow_async.sandbox._times import bounds

_FIXED: Final = frozenset({"_id", "createdAt", "productId"})  # lists are ordered and filtered by them
_NEW_BUYER_EVERY: Final = 4


class Shop:
    """Changes a sandbox's orders behind the API's back; no webhook hears of it.

    Lists, totals, filters, payments and the buyers' sums follow at once. An order of the start can be changed and
    deleted like any other. Fields are named and written as the API sends them.

    Args:
        store: the records.
        seed: of what new orders are made of.
        wall_clock: seconds since 1970; new orders are made now.
    """

    def __init__(self, store: Store, seed: int, wall_clock: Callable[[], float]) -> None:
        self._store = store
        self._dice = Dice(seed, "later life")
        self._wall_clock = wall_clock

    def __len__(self) -> int:
        book = self._store.book
        return len(book.newest_first(None, 0, book.orders))

    def order(self, place: int) -> dict[str, Any]:
        """The order at a place of the list of all, newest first: 0 is the newest, -1 the oldest.

        Raises:
            InvalidArgumentError: there are not so many.
        """
        book = self._store.book
        orders = book.newest_first(None, 0, book.orders)
        found = whole(place)
        if found is None or not -len(orders) <= found < len(orders):
            raise InvalidArgumentError(
                f"order: place must be an int; there are {len(orders)}, so none at {shown(place)}"
            )
        return self._shown(orders[found])

    def insert_order(self, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A new order, which is the newest.

        Args:
            fields: what it is to have; `productId` must be a product that is there, and `createdAt`, which is now when
                it is not given, cannot be before the newest order or payment.

        Returns:
            The order as the API shows it.

        Raises:
            InvalidArgumentError: it cannot be.
        """
        return _told(self.insert, {} if fields is None else _fields("insert_order", fields))

    def update_order(self, order_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Put fields over those of an order: any but `_id`, `productId` and `createdAt`.

        Returns:
            The order as the API shows it now.

        Raises:
            InvalidArgumentError: there is no such order, or it cannot have these fields.
        """
        return _told(self.update, _id("update_order", order_id), _fields("update_order", fields))

    def delete_order(self, order_id: str) -> None:
        """Take an order away, and its payment.

        Raises:
            InvalidArgumentError: there is no such order.
        """
        _told(self.delete, _id("delete_order", order_id))

    def insert(self, fields: Mapping[str, Any]) -> Record:
        """`insert_order`, which raises `Refused`."""
        if "_id" in fields:
            raise invalid("_id", "is given by the sandbox")
        store = self._store
        product = self._product(fields)
        moment = self._moment(fields)
        store.now = max(store.now, moment)
        buyer = self._buyer(moment)
        price = store.book.price(round(product["price"] * 100), buyer)
        order = store.book.sell(moment, product["_id"], buyer, price, {})
        store.change_order(order, {name: value for name, value in fields.items() if name not in _FIXED})
        store.user["hasSales"] = True
        return self._shown(order)

    def update(self, order_id: str, fields: Mapping[str, Any]) -> Record:
        """`update_order`, which raises `Refused`."""
        for name in sorted(_FIXED & fields.keys()):
            raise invalid(name, "cannot be changed")
        order = self._find(order_id)
        self._store.change_order(order, fields)
        return self._shown(order)

    def delete(self, order_id: str) -> Record:
        """`delete_order`, which raises `Refused`."""
        self._store.remove_order(self._find(order_id))
        return {"message": "Order deleted"}

    def _find(self, order_id: str) -> int:
        order = self._store.book.find_order(order_id)
        if order is None:
            raise missing("Order")
        return order

    def _product(self, fields: Mapping[str, Any]) -> Record:
        products = self._store.table("products")
        if "productId" in fields:
            product = products.get(fields["productId"])
            if product is None:
                raise missing("Product")
            return product
        if len(products) == 0:
            raise missing("Product")
        return self._dice.pick(products.newest_first())

    def _moment(self, fields: Mapping[str, Any]) -> int:
        store = self._store
        newest = max(store.book.newest or 0, store.payments.newest_charge or 0)
        if "createdAt" not in fields:
            return max(store.now + 1, int(self._wall_clock() * 1000))
        try:
            moment = bounds(fields["createdAt"])[0]
        except (TypeError, ValueError):
            raise invalid("createdAt", "must be a time such as 2026-02-01T10:30:00.000Z") from None
        if moment < newest:
            raise invalid("createdAt", "must not be before the newest order or payment")
        return moment

    def _buyer(self, moment: int) -> int:
        book = self._store.book
        if book.sales.customers and self._dice.below(_NEW_BUYER_EVERY):
            return self._dice.below(book.sales.customers)
        return book.meet(moment, f"late.buyer.{book.orders}@example.com")

    def _shown(self, order: int) -> Record:
        return msgspec.json.decode(msgspec.json.encode(self._store.order(order)), type=dict[str, Any])


def _fields(method: str, fields: object) -> Mapping[str, Any]:
    if not is_mapping(fields) or not all(is_text(name) for name in fields):
        raise InvalidArgumentError(f"{method}: fields must be a mapping of str to values, not {shown(fields)}")
    return fields


def _id(method: str, order_id: object) -> str:
    if not is_text(order_id):
        raise InvalidArgumentError(f"{method}: order_id must be text, not {shown(order_id)}")
    return str(order_id)


def _told(change: Callable[..., Record], *given: Any) -> Record:
    try:
        return change(*given)
    except Refused as refused:
        raise InvalidArgumentError(refused.message) from None
