"""The five kinds of operation that most resources share, and what they are made of."""

from collections.abc import Callable, Mapping
from typing import Any

from pocketsflow_async.sandbox._calls import Call, listing, missing
from pocketsflow_async.sandbox._store import Record
from pocketsflow_async.sandbox._times import iso

Handler = Callable[[Call], Any]
"""Answers a call with anything that is JSON, or raises `Refused`."""


def list_records(call: Call) -> Any:
    """All records of the resource, newest first, in the style of the listing."""
    return listing(call, call.store.table(call.operation.resource).newest_first(), lambda record: record)


def get_record(call: Call) -> Any:
    """The record that the path names."""
    return find(call, call.operation.resource, call.path["id"])


def create_record(call: Call) -> Any:
    """A new record, with the fields of the body."""
    return make(call, {})


def update_record(call: Call) -> Any:
    """The record that the path names, with the fields of the body put over its own."""
    record = get_record(call)
    record.update(call.known_fields())
    if "updatedAt" in record:
        record["updatedAt"] = iso(call.store.tick())
    return record


def delete_record(call: Call) -> Any:
    """The record that the path names is no more."""
    resource = call.operation.resource
    if not call.store.table(resource).remove(call.path["id"]):
        raise missing(noun(resource))
    return {"message": f"{noun(resource)} deleted"}


def noun(resource: str) -> str:
    """One of a resource, for people: Subscription offer."""
    return resource.removesuffix("s").replace("_", " ").capitalize()


def find(call: Call, resource: str, record_id: str) -> Record:
    """A record that must be there."""
    record = call.store.table(resource).get(record_id)
    if record is None:
        raise missing(noun(resource))
    return record


def make(call: Call, defaults: Mapping[str, Any], *, changeable: bool = False) -> Record:
    """Keep a new record: the body's fields over the defaults.

    Args:
        call: the request.
        defaults: what the body may leave out.
        changeable: whether the record tells when it was last changed.
    """
    table = call.store.table(call.operation.resource)
    moment = call.store.tick()
    record: Record = {
        "_id": table.new_id(moment),
        "userId": call.store.user_id,
        **defaults,
        **call.known_fields(),
    }
    record |= {"testMode": True, "createdAt": iso(moment)}
    if changeable:
        record["updatedAt"] = record["createdAt"]
    table.add(record)
    return record
