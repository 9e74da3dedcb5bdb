"""Bytes to models: checked and typed in C by private structs, then copied into the models that users hold.

An answer is tried on up to three roads, each slower and more patient than the one before:

1. strict: the whole body in one pass, no field that the spec does not know;
2. open: unknown fields allowed; each record keeps its own JSON text for `extra`. Once an answer needed it, the
   decoder begins here;
3. lenient: the open road again, after `_lenient` straightened the body. What it still refuses becomes an
   `APIResponseError` that names the place.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from importlib import import_module
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.json import Decoder, Encoder

from pocketsflow_async._json import is_object
from pocketsflow_async._lenient import find_records, straighten, unwrap
from pocketsflow_async._model import Source, spelled
from pocketsflow_async._page import Page, RawPage
from pocketsflow_async._sound import sound
from pocketsflow_async.errors import APIResponseError

T = TypeVar("T")

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time on the wire: RFC 3339 with an offset."""

Build = Callable[[Any, Source | None], T]
"""The generated copy of a struct into a model, which remembers its source."""

new = object.__new__
"""A model whose fields are still to be filled in."""

decode_exact = Decoder(float_hook=Decimal).decode
"""JSON text to plain data, numbers with a fraction as exact `Decimal`."""

encode_exact = Encoder(decimal_format="number").encode
"""Plain data to JSON text, `Decimal` digit for digit."""

_MALFORMED = (msgspec.DecodeError, ValueError, RecursionError, InvalidOperation)


class Wire(Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The base of the generated structs; they live only between the bytes and the model."""


class Codec(Generic[T]):
    """Reads one kind of answer.

    Args:
        wire: the struct of the strict road.
        opened: the struct of the open road.
        build: the copy into the model.
        unwrap: keys under which the record may be wrapped.
    """

    def __init__(self, wire: Any, opened: Any, build: Build[T], *, unwrap: Sequence[str] = ()) -> None:
        self.wire = wire
        self.opened = opened
        self.build = build
        self._unwrap = unwrap
        self._strict: Decoder[Any] | None = None
        self._is_strict = True
        self._open: Decoder[Any] | None = None

    def decode(self, body: bytes) -> T:
        """The typed answer.

        Raises:
            APIResponseError: the body is not what the spec says; names the place.
        """
        try:
            if self._is_strict:
                if self._strict is None:
                    self._strict = Decoder(self.wire)
                try:
                    return self._read_strict(self._strict, body)
                except msgspec.ValidationError as exc:
                    self._is_strict = not str(exc).startswith("Object contains unknown field")
            try:
                return self._read_open(body)
            except msgspec.ValidationError:
                return self._read_plain(_plain(body))
        except _MALFORMED as exc:
            raise _unreadable(exc, body) from None

    def from_plain(self, value: object) -> T:
        """The typed answer from plain data, by the lenient road.

        Raises:
            APIResponseError: it is not what the spec says, or has no place in JSON.
        """
        try:
            return self._read_plain(value)
        except (*_MALFORMED, TypeError) as exc:  # plain data need not come from JSON
            raise _unreadable(exc, b"") from None

    def plain(self, body: bytes) -> Any:
        """The answer as plain data: unknown fields included, in the shape that the spec names.

        Raises:
            APIResponseError: it cannot be read.
        """
        try:
            return self._shaped(_plain(body), body)
        except _MALFORMED as exc:
            raise _unreadable(exc, body) from None

    def _shaped(self, value: Any, body: bytes) -> Any:
        try:
            self._opened(body)
        except msgspec.ValidationError:
            return unwrap({} if value is None else value, self._unwrap)
        return value

    def _read_strict(self, decoder: "Decoder[Any]", body: bytes) -> T:
        return self.build(decoder.decode(body), None)

    def _read_open(self, body: bytes) -> T:
        return self.build(self._opened(body), Source(body))

    def _opened(self, body: bytes) -> Any:
        if self._open is None:
            self._open = Decoder(self.opened)
        return self._open.decode(body)

    def _read_plain(self, value: object) -> T:
        return self._read_open(encode_exact(self._straight(value)))

    def _straight(self, value: object) -> Any:
        return straighten(unwrap({} if value is None else value, self._unwrap), self.wire)


class PageCodec(Codec[Page[T]]):
    """Reads one page of a list.

    Args:
        wire: the struct of the envelope, or `list[...]` where the API sends a bare array.
        raw: the same with its records left undecoded.
        item: the codec of one record.
        items: the envelope's attribute that holds the records; None for a bare array.
        pagination: the copy of the envelope's pagination; None where it has none.
        page: the class of the page.
        rest: further attributes of the envelope that the page shows.
    """

    def __init__(
        self,
        wire: Any,
        raw: Any,
        item: Codec[T],
        *,
        items: str | None = None,
        pagination: Build[Any] | None = None,
        page: type[Page[Any]] = Page,
        rest: Sequence[str] = (),
    ) -> None:
        super().__init__(wire, raw, self._build)
        self._item = item
        self._items = items
        self._pagination = pagination
        self._page = page
        self._rest = rest
        self._record: Decoder[Any] | None = None

    def raw(self, body: bytes) -> RawPage:
        """The page with each record as the JSON text that the server sent."""
        try:
            try:
                found = self._opened(body)
            except msgspec.ValidationError:
                found = self._opened(encode_exact(find_records(_plain(body), self._key())))
        except _MALFORMED as exc:
            raise _unreadable(exc, body) from None
        one_line = b"\n" not in body and b"\r" not in body
        return RawPage(self._records(found), self._told(found), one_line=one_line)

    def _build(self, found: Any, _: Source | None) -> Page[T]:
        return self._finished(found, many(self._item.build, self._records(found), None, ""))

    def _read_open(self, body: bytes) -> Page[T]:
        found = self._opened(body)
        if self._record is None:
            self._record = Decoder(self._item.opened)
        read, build = self._record.decode, self._item.build
        items: list[T] = []
        for position, record in enumerate(self._records(found)):
            text = bytes(record)
            try:
                items.append(build(read(text), Source(text)))
            except msgspec.ValidationError as exc:
                place = f"$.{self._key()}[{position}]" if self._items else f"$[{position}]"
                raise msgspec.ValidationError(_relocated(str(exc), place)) from None
        return self._finished(found, items)

    def _shaped(self, value: Any, body: bytes) -> Any:
        try:
            self._opened(body)
        except msgspec.ValidationError:
            return find_records(value, self._key())
        return value

    def _records(self, found: Any) -> list[Any]:
        records: list[Any] = found if self._items is None else getattr(found, self._items)
        return records

    def _finished(self, found: Any, items: list[T]) -> Page[T]:
        pagination = self._told(found)
        rest = {name: sound(getattr(found, name)) for name in self._rest}
        return self._page(items=items, has_more=bool(pagination and pagination.has_more), pagination=pagination, **rest)

    def _told(self, found: Any) -> Any:
        """What the envelope says of its pages."""
        if self._pagination is None or found.pagination is None:
            return None
        return self._pagination(found.pagination, None)

    def _key(self) -> str | None:
        fields = () if self._items is None else msgspec.structs.fields(self.wire)
        return next((field.encode_name for field in fields if field.name == self._items), None)

    def _straight(self, value: object) -> Any:
        return straighten(find_records(value, self._key()), self.wire)


class Nothing(Codec[None]):
    """Reads answers that have no content; what comes all the same is not looked at."""

    def decode(self, body: bytes) -> None:
        """None, whatever the body is."""

    def plain(self, body: bytes) -> None:
        """None, whatever the body is."""


NOTHING = Nothing(type(None), type(None), lambda _, __: None)

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
        value = _plain(body)
        if value is None and null:
            return None
        place = source.place(*path) if source else spelled(path)
        if not is_object(value):
            raise msgspec.ValidationError(f"Expected `object` - at `{place}`")
        chosen = self.chosen(value)
        try:
            return sound(value) if chosen is None else load(chosen).decode(body)
        except APIResponseError as exc:
            reason = exc.message.partition(f" at {exc.path}: ")[2] or exc.message
            raise msgspec.ValidationError(f"{reason} - at `{place}{exc.path.removeprefix('$')}`") from None

    def many(self, texts: list[msgspec.Raw], source: Source | None, name: str) -> list[Any]:
        """A list of such objects."""
        return [self.read(text, source, name, position) for position, text in enumerate(texts)]

    def each(self, texts: dict[str, msgspec.Raw], source: Source | None, name: str) -> dict[str, Any]:
        """A mapping of such objects."""
        return {key: self.read(text, source, name, key) for key, text in texts.items()}


def many(build: Build[T], records: list[Any], source: Source | None, name: str) -> list[T]:
    """Copy the structs of a list that stands under `name`, each model into its struct's place.

    So the memory of a struct is used again while it is still at hand.
    """
    if source is None:
        for position, record in enumerate(records):
            records[position] = build(record, None)
    else:
        source = source.at(name)
        for position, record in enumerate(records):
            records[position] = build(record, source.at(position))
    return records


def each(build: Build[T], records: dict[str, Any], source: Source | None, name: str) -> dict[str, T]:
    """Copy a mapping of structs that stands under `name`."""
    source = source and source.at(name)
    return {key: build(record, source and source.at(key)) for key, record in records.items()}


def _plain(body: bytes) -> Any:
    """The body as plain data, with every digit."""
    try:
        return decode_exact(body)
    except msgspec.ValidationError:  # a whole number too long for an int
        return json.loads(body.decode(), parse_int=Decimal, parse_float=Decimal, parse_constant=Decimal)


def _relocated(text: str, place: str) -> str:
    """The message with its place moved below another one."""
    reason, path = _split(text)
    return f"{reason} - at `{place}{path.removeprefix('$')}`"


def _split(text: str) -> tuple[str, str]:
    """What msgspec says, and where."""
    reason, found, place = text.rpartition(" - at `$")
    return (reason, f"${place.removesuffix('`')}") if found else (text, "$")


def _unreadable(exc: Exception, body: bytes) -> APIResponseError:
    """The error for a body that no road could read."""
    text = str(exc)
    if isinstance(exc, msgspec.ValidationError):
        reason, path = _split(text)
        place = path if len(path) <= 200 else f"{path[:200]}…"
        return APIResponseError(f"the answer is not what the spec says at {place}: {reason}", path=path, body=body)
    if isinstance(exc, RecursionError):
        text = "it is nested too deeply"
    elif isinstance(exc, InvalidOperation):
        text = "a number in it is out of range"
    start = body[:60].decode("utf-8", "replace")
    return APIResponseError(f"the answer is not JSON ({text}); it begins with {start!r}", body=body)
