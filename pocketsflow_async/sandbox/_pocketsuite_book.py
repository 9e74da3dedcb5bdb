"""What a PocketSuite account holds: invented clients, bookings and payments, and who is told of changes."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from pocketsflow_async._generated.pocketsuite.events import EVENTS
from pocketsflow_async._values import is_text, shown
from pocketsflow_async.errors import InvalidArgumentError
from pocketsflow_async.sandbox._answers_shared import Handler
from pocketsflow_async.sandbox._calls import Call, invalid, missing
from pocketsflow_async.sandbox._deliveries import Deliveries, Delivery, is_web_address
from pocketsflow_async.sandbox._ids import Dice
from pocketsflow_async.sandbox._words import FIRST_NAMES, LAST_NAMES

Record = dict[str, Any]

_SHOWN: Final = {
    "create": ("id", "name", "email", "phone", "created_date"),
    "update": ("id", "name", "phone", "city", "state", "last_modified_date"),
}
_AMOUNTS: Final = (45.0, 80.0, 120.0, 150.0)


class Book:
    """The records of one account.

    Args:
        clients: how many there are at the start; half of them have booked and paid.
        seed: of the data.
        wall_clock: seconds since 1970.
        deliveries: where triggers go.
    """

    def __init__(self, clients: int, seed: int, wall_clock: Callable[[], float], deliveries: Deliveries) -> None:
        self._dice = Dice(seed, "pocketsuite")
        self._wall_clock = wall_clock
        self._deliveries = deliveries
        self.clients: dict[str, Record] = {}
        self.notes: list[Record] = []
        self.bookings: list[Record] = []
        self.payments: list[Record] = []
        self.subaccounts: list[Record] = [{"id": self._id("sub"), "name": "Second chair", "created_date": self._now()}]
        self.subscriptions: dict[str, Record] = {}
        for number in range(clients):
            self._invent_client(number)

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        """What answers each operation."""
        return {
            ("clients", "list"): lambda _: list(self.clients.values()),
            ("clients", "create"): self._create_client,
            ("clients", "update"): self._update_client,
            ("client_notes", "create"): self._create_note,
            ("bookings", "list"): lambda _: self.bookings,
            ("payments", "list"): lambda _: self.payments,
            ("subaccounts", "list"): lambda _: self.subaccounts,
            ("webhooks", "subscribe"): self._subscribe,
            ("webhooks", "unsubscribe"): self._unsubscribe,
        }

    def fire(self, trigger: str) -> Record:
        """Let something happen that a trigger tells of.

        Raises:
            InvalidArgumentError: there is no such trigger, or no record for it.
        """
        if not (is_text(trigger) and trigger in EVENTS):
            raise InvalidArgumentError(f"{shown(trigger)} is no trigger; there are {', '.join(EVENTS)}")
        kind, _, what = trigger.partition(".")
        if kind == "client":
            record = self._invent_client(len(self.clients)) if what == "created" else self._some(self.clients.values())
        elif kind == "subaccount":
            record = self._some(self.subaccounts)
        elif kind == "payment":
            record = self._pay(self._some(self.clients.values()))
        elif what == "created":
            record = self._book(self._some(self.clients.values()))
        else:
            booking = self._some(self.bookings)
            booking["completed_date"] = self._now()
            record = {name: booking[name] for name in ("id", "completed_date")}
        self._tell(trigger, record)
        return record

    def _create_client(self, call: Call) -> Any:
        if not call.body["name"].strip():
            raise invalid("name", "must not be empty")
        record = {"id": self._id("client"), **call.body, "created_date": self._now(), "source": "api"}
        self.clients[record["id"]] = record
        shown = {name: record[name] for name in _SHOWN["create"] if name in record}
        self._tell("client.created", shown)
        return shown

    def _update_client(self, call: Call) -> Any:
        record = self._named(call.body)
        record |= {**call.body, "id": record["id"], "last_modified_date": self._now()}
        self._tell("client.updated", record)
        return {name: record[name] for name in _SHOWN["update"] if name in record}

    def _named(self, body: Mapping[str, Any]) -> Record:
        """The client that is meant: by id, else by phone number or address, which is a guess as good as any."""
        if "id" in body:
            if body["id"] not in self.clients:
                raise missing("Client")
            return self.clients[body["id"]]
        for name in ("phone", "email"):
            for record in self.clients.values():
                if name in body and record.get(name) == body[name]:
                    return record
        raise missing("Client")

    def _create_note(self, call: Call) -> Any:
        if not call.body["note"].strip():
            raise invalid("note", "must not be empty")
        client = call.body.get("client_id") or next(reversed(self.clients), None)
        if client not in self.clients:
            raise missing("Client")
        record = {"id": self._id("note"), "client_id": client, "note": call.body["note"], "created_date": self._now()}
        self.notes.append(record)
        return record

    def _subscribe(self, call: Call) -> Any:
        if call.body["event"] not in EVENTS:
            raise invalid("event", f"must be one of {', '.join(EVENTS)}")
        if not is_web_address(call.body["target_url"]):
            raise invalid("target_url", "must be an address that begins with https:// or http://")
        known = {name: call.body[name] for name in ("event", "target_url")}
        record = {"id": self._id("hook"), **known, "created_date": self._now()}
        self.subscriptions[record["id"]] = record
        return record

    def _unsubscribe(self, call: Call) -> Any:
        if self.subscriptions.pop(call.path["id"], None) is None:
            raise missing("Subscription")
        return {"id": call.path["id"]}

    def _tell(self, trigger: str, record: Record) -> None:
        """In the envelope that is documented for the trigger; that of bookings for those without an example."""
        payload: Record = {"event": trigger, "timestamp": self._now(), "data": record}
        if trigger == "client.created":
            payload = {"data": record}
        elif trigger == "client.updated":
            payload = record
        for one in self.subscriptions.values():
            if one["event"] == trigger:
                self._deliveries.send(Delivery(trigger, one["id"], one["target_url"]), msgspec.json.encode(payload), {})

    def _invent_client(self, number: int) -> Record:
        first, last = self._dice.pick(FIRST_NAMES), self._dice.pick(LAST_NAMES)
        record: Record = {
            "id": self._id("client"),
            "owner": {"id": "owner_sandbox", "name": "Sandbox"},
            "name": f"{first} {last}".title(),
            "phone": f"+1555555{number:04d}",
            "email": f"{first}.{number}@example.com",
            "created_date": self._now(),
            "source": "online_booking",
        }
        self.clients[record["id"]] = record
        if number % 2 == 0:
            self._book(record)
            self._pay(record)
        return record

    def _book(self, client: Record) -> Record:
        record = {"id": self._id("booking"), "type": "service", "client": _brief(client), "date": self._now()}
        self.bookings.append({**record, "total": self._dice.pick(_AMOUNTS)})
        return self.bookings[-1]

    def _pay(self, client: Record) -> Record:
        record = {"id": self._id("payment"), "client": _brief(client), "created_date": self._now()}
        self.payments.append({**record, "amount": self._dice.pick(_AMOUNTS)})
        return self.payments[-1]

    def _some(self, records: Iterable[Record]) -> Record:
        found = list(records)
        if not found:
            raise InvalidArgumentError("there is no record that this could happen to")
        return self._dice.pick(found)

    def _id(self, kind: str) -> str:
        return f"{kind}_{self._dice.below(1 << 60):015x}"

    def _now(self) -> str:
        return datetime.fromtimestamp(int(self._wall_clock()), UTC).isoformat().replace("+00:00", "Z")


def _brief(client: Record) -> Record:
    return {name: client[name] for name in ("id", "name")}
