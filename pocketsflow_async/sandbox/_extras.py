"""What the endpoints with inferred paths have at the start: pictures, posts, readers, links and payouts."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pocketsflow_async.sandbox._catalogue import slug_of
from pocketsflow_async.sandbox._ids import Dice, IdSpace
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._times import DAY, NOW, SALES_FROM, SALES_UNTIL, iso
from pocketsflow_async.sandbox._words import FIRST_NAMES, LAST_NAMES, PRODUCTS

Record = dict[str, Any]

_READERS: Final = 45
_PAYOUTS: Final = 24
_POSTS: Final = (
    ("Welcome to the store", "Hello, and thanks for reading.", "sent"),
    ("Neu: “Línea” ist da", "600 icons, one price.", "sent"),
    ("What comes next year", "Nothing is certain yet …", "draft"),
)
_LINKS: Final = (
    ("My course", "https://example.com/course", True),
    ("Café photographs", "https://example.com/caf%C3%A9", True),
    ("Old portfolio", "https://example.com/2019", False),
)


def _images(ids: IdSpace, user_id: str, dice: Dice) -> list[Record]:
    """The pictures of the first products."""
    records: list[Record] = []
    for index, (name, _, _) in enumerate(PRODUCTS[:5]):
        created = SALES_FROM - (5 - index) * 9 * DAY
        file = f"{slug_of(name)}.png"
        record = _start(ids.write(created, index), user_id)
        record |= {"name": file, "url": image_url(record["_id"]), "size": 20_000 + dice.below(2_000_000)}
        records.append(record | {"createdAt": iso(created)})
    return records


def image_url(image_id: str) -> str:
    """Where a picture would be kept."""
    return f"https://cdn.example.com/images/{image_id}"


def _posts(ids: IdSpace, user_id: str, _dice: Dice) -> list[Record]:
    """Two that were sent, one that was not."""
    records: list[Record] = []
    for index, (title, text, status) in enumerate(_POSTS):
        created = SALES_FROM + index * 200 * DAY
        record = _start(ids.write(created, index), user_id)
        record |= {"title": title, "html": f"<p>{text}</p>", "text": None if index == 1 else text, "status": status}
        records.append(record | {"createdAt": iso(created), "updatedAt": iso(created + index * DAY)})
    return records


def _readers(ids: IdSpace, user_id: str, dice: Dice) -> list[Record]:
    """Readers of the newsletter; every third never gave a name."""
    records: list[Record] = []
    for index in range(_READERS):
        created = SALES_FROM + index * 16 * DAY + dice.below(DAY)
        first, last = dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES)
        record = _start(ids.write(created, index), user_id)
        record["email"] = f"{first}.{last}.reader{index}@example.com"
        if index % 3:
            record["name"] = f"{first} {last}".title()
        records.append(record | {"createdAt": iso(created)})
    return records


def _links(ids: IdSpace, user_id: str, _dice: Dice) -> list[Record]:
    """The entries of the link-in-bio page."""
    records: list[Record] = []
    for index, (title, url, active) in enumerate(_LINKS):
        created = SALES_FROM + index * 50 * DAY
        record = _start(ids.write(created, index), user_id)
        records.append(record | {"title": title, "url": url, "active": active, "createdAt": iso(created)})
    return records


def _payouts(ids: IdSpace, user_id: str, dice: Dice) -> list[Record]:
    """One for each month; the last is still on its way."""
    records: list[Record] = []
    for index in range(_PAYOUTS):
        created = SALES_FROM + (SALES_UNTIL - SALES_FROM) * (index + 1) // _PAYOUTS
        paid = created + 2 * DAY + dice.below(DAY)
        pending = index == _PAYOUTS - 1
        record = _start(ids.write(created, index), user_id)
        record |= {"amount": money(10_000 + dice.below(90_000)), "currency": "usd"}
        record |= {"status": "pending" if pending else "paid", "createdAt": iso(created)}
        records.append(record | {"paidAt": None if pending else iso(min(paid, NOW))})
    return records


def _start(record_id: str, user_id: str) -> Record:
    return {"_id": record_id, "userId": user_id, "testMode": True}


EXTRAS: Final[Mapping[str, Callable[[IdSpace, str, Dice], list[Record]]]] = {
    "images": _images,
    "posts": _posts,
    "subscribers": _readers,
    "links": _links,
    "payouts": _payouts,
}
"""By resource: writes the records of the start, oldest first."""
