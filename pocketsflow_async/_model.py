"""What all generated models share: unknown fields kept, open enums, request bodies."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self

import attrs

from pocketsflow_async.errors import APIResponseError

WIRE_NAME = "json"
"""The key of a field's metadata that holds the API's spelling of its name."""


def spelled(path: tuple[str | int, ...]) -> str:
    """The way to a place, as errors tell it."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


class Source:
    """Where a model was read from, so that the fields its class does not know can be worked out when asked for.

    Args:
        within: the outermost record, as its JSON text or as exact plain data; or the source of the model around this
            one.
        step: the field or position there.
    """

    __slots__ = ("_step", "_within")

    def __init__(self, within: "bytes | dict[str, Any] | Source", step: str | int = "") -> None:
        self._within = within
        self._step = step

    def at(self, step: str | int) -> "Source":
        """The source of what stands inside this one."""
        return Source(self, step)

    def place(self, *path: str | int) -> str:
        """The way to a place in this model, from the record on."""
        return spelled((*self.way()[1], *path))

    def way(self) -> tuple[bytes | dict[str, Any], tuple[str | int, ...]]:
        """The record, and the steps from there to here."""
        if not isinstance(self._within, Source):
            return self._within, ()
        record, steps = self._within.way()
        return record, (*steps, self._step)

    def read(self) -> dict[str, Any]:
        """All fields of the model as plain data.

        Raises:
            APIResponseError: a field that the spec does not know, and that nobody looked at so far, is nested too
                deeply.
        """
        from msgspec import DecodeError

        from pocketsflow_async._plain import decode_free, loosened

        record, steps = self.way()
        try:
            value: Any = decode_free(record) if isinstance(record, bytes) else record
            for step in steps:
                value = value[step]
            return {name: loosened(one) for name, one in value.items()}
        except (DecodeError, ValueError, RecursionError) as exc:
            message = f"a field that the spec does not know cannot be read ({exc})"
            body = record if isinstance(record, bytes) else b""
            raise APIResponseError(message, body=body) from None


@attrs.define(kw_only=True, weakref_slot=False)
class Model:
    """The base of every model that the API answers with."""

    WIRE: ClassVar[str]
    """Where the class's decoder stands: `module:name`."""

    _extra: Source | Mapping[str, Any] | None = attrs.field(default=None, alias="extra", repr=False, eq=False)

    @property
    def extra(self) -> Mapping[str, Any]:
        """The fields that the API sent and this class does not know, under the API's own names."""
        source = self._extra
        if source is None:
            return {}
        if isinstance(source, Source):
            known = _wire_names(type(self))
            source = self._extra = {k: v for k, v in source.read().items() if k not in known}
        return source


@attrs.define(kw_only=True, weakref_slot=False)
class Body:
    """The base of every request body: fields that are `UNSET` are not sent, None is sent as null."""

    NEEDS: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of fields; where there are any, all fields of at least one group are given."""


def _wire_names(model: type[Model]) -> frozenset[str]:
    """The API's names of the fields of a model, `id` and `_id` counting as one."""
    names = {field.metadata[WIRE_NAME] for field in attrs.fields(model) if WIRE_NAME in field.metadata}
    return frozenset(names | {"_id", "id"} if names & {"_id", "id"} else names)


class OpenEnum(StrEnum):
    """An enum whose list may grow: a value that is not in it becomes a member of its own that keeps its text.

    Such a member equals its text and every other member with the same text, but is not listed by iteration.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Some releases of Python 3.11 pickle a member by its name, which a value that is not listed does not have.
        return type(self), (self._value_,)
