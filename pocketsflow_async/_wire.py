"""What the generated decoders are made of: structs, codecs found by name, and objects of one of several classes."""

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Struct

from pocketsflow_async._codec import NOTHING, Build, Codec, many
from pocketsflow_async._json import is_object
from pocketsflow_async._model import Source, spelled
from pocketsflow_async._page_codec import PageCodec
from pocketsflow_async._plain import decode_exact, decode_free
from pocketsflow_async.errors import APIResponseError

__all__ = ["CODECS", "NOTHING", "NULL", "Choice", "Codec", "PageCodec", "Time", "Wire", "each", "load", "many", "new"]

T = TypeVar("T")

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time on the wire: RFC 3339 with an offset."""

new = object.__new__
"""A model whose fields are still to be filled in."""


class Wire(Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The base of the generated structs; they live only between the bytes and the model."""


CODECS: dict[str, Any] = {}
"""The codecs loaded so far, by `module:name`."""


def load(reference: str) -> Any:
    """The codec that a generated `module:name` stands for; imports its models the first time."""
    if reference not in CODECS:
        module, _, name = reference.partition(":")
        CODECS[reference] = getattr(import_module(module), name)
    return CODECS[reference]


NULL = msgspec.Raw(b"null")
"""What stands for an object that is not there."""


class Choice:
    """An object of one of several classes, told apart by a property; stands in the annotation of a `Raw`.

    Args:
        by: the property.
        codecs: where the decoder of each class stands, by the property's value.
    """

    def __init__(self, by: str, codecs: Mapping[str, str]) -> None:
        self._by = by
        self._codecs = codecs

    def chosen(self, value: dict[str, Any]) -> str | None:
        """Where the decoder of an object stands; None where the spec does not know its kind."""
        kind = value.get(self._by)
        return self._codecs.get(kind) if isinstance(kind, str) else None

    def read(self, text: msgspec.Raw, source: Source | None, *path: str | int, null: bool = False) -> Any:
        """The object that stands at the path, as its model; as plain data where the spec does not know its kind.

        Raises:
            ValidationError: it is not what the spec says.
        """
        body = bytes(text)
        value = decode_exact(body)
        if value is None and null:
            return None
        place = source.place(*path) if source else spelled(path)
        if not is_object(value):
            raise msgspec.ValidationError(f"Expected `object` - at `{place}`")
        chosen = self.chosen(value)
        try:
            return decode_free(body) if chosen is None else load(chosen).decode(body)
        except APIResponseError as exc:
            reason = exc.message.partition(f" at {exc.path}: ")[2] or exc.message
            raise msgspec.ValidationError(f"{reason} - at `{place}{exc.path.removeprefix('$')}`") from None

    def many(self, texts: list[msgspec.Raw], source: Source | None, name: str) -> list[Any]:
        """A list of such objects."""
        return [self.read(text, source, name, position) for position, text in enumerate(texts)]

    def each(self, texts: dict[str, msgspec.Raw], source: Source | None, name: str) -> dict[str, Any]:
        """A mapping of such objects."""
        return {key: self.read(text, source, name, key) for key, text in texts.items()}


def each(build: Build[T], records: dict[str, Any], source: Source | None, name: str) -> dict[str, T]:
    """Copy a mapping of structs that stands under `name`."""
    source = source and source.at(name)
    return {key: build(record, source and source.at(key)) for key, record in records.items()}
