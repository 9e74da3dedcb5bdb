"""Bytes to models: checked and typed in C by private structs, then copied into the models that users hold.

An answer is tried on up to three roads, each slower and more patient than the one before:

1. strict: the whole body in one pass, no field that the spec does not know;
2. open: unknown fields allowed; each record keeps its own JSON text for `extra`. Once an answer needed it, the
   decoder begins here;
3. permissive: decoded by `_plain`, normalized by `_lenient`, then checked against the structs of the open road. What
   they still reject becomes an `APIResponseError` that names the place. Of a page, only the odd records come here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from pocketsflow_async._json import is_array, is_object
from pocketsflow_async._lenient import checked, find_records, relocated, shifted, split_error, straighten, unwrap
from pocketsflow_async._model import Source, spelled
from pocketsflow_async._page import Page, RawPage
from pocketsflow_async._pieces import LARGE, pages_of, settle
from pocketsflow_async._plain import decode_exact, decode_free, encode_exact, in_utf8, repaired, whole
from pocketsflow_async._sound import sound
from pocketsflow_async.errors import APIResponseError

T = TypeVar("T")

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time on the wire: RFC 3339 with an offset."""

Build = Callable[[Any, Source | None], T]
"""The generated copy of a struct into a model, which remembers its source."""

new = object.__new__
"""A model whose fields are still to be filled in."""

_AT_ONCE = 1000

_MALFORMED = (msgspec.DecodeError, ValueError, RecursionError)


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
            return self._large(body) if len(body) > LARGE else self._typed(body)
        except _MALFORMED as exc:
            raise _unreadable(exc, body) from None

    def from_plain(self, value: object) -> T:
        """The typed answer from plain data.

        Raises:
            APIResponseError: it is not what the spec says, or has no place in JSON.
        """
        try:
            return self._read_plain(decode_exact(encode_exact(whole(value))))
        except (*_MALFORMED, TypeError) as exc:  # plain data need not come from JSON
            raise _unreadable(exc, b"") from None

    def plain(self, body: bytes) -> Any:
        """The answer as plain data: unknown fields included, in the shape that the spec names.

        Raises:
            APIResponseError: it cannot be read.
        """
        try:
            return self._shaped(decode_exact(body))
        except _MALFORMED as exc:
            raise _unreadable(exc, body) from None

    def permissive(self, value: object) -> T:
        """The typed answer from exact plain data, which it may change.

        Raises:
            ValidationError: it is not what the spec says.
        """
        straight = straighten(value, self.opened)
        return self.build(checked(straight, self.opened), Source(straight))

    def _large(self, body: bytes) -> T:
        return self._read_plain(decode_exact(body))

    def _typed(self, body: bytes) -> T:
        try:
            if self._is_strict:
                if self._strict is None:
                    self._strict = Decoder(self.wire)
                try:
                    return self.build(self._strict.decode(body), None)
                except msgspec.ValidationError as exc:
                    self._is_strict = not str(exc).startswith("Object contains unknown field")
            try:
                return self._read_open(body)
            except msgspec.ValidationError:
                return self._read_plain(decode_exact(body))
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            fixed = repaired(body)
            if fixed == body:
                raise
        return self._typed(fixed)

    def _shaped(self, value: Any) -> Any:
        return unwrap({} if value is None else value, self._unwrap)

    def _read_open(self, body: bytes) -> T:
        return self.build(self._opened(body), Source(body))

    def _opened(self, body: bytes) -> Any:
        if self._open is None:
            self._open = Decoder(self.opened)
        return self._open.decode(body)

    def _read_plain(self, value: object) -> T:
        return self.permissive(self._shaped(value))


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
            parts = pages_of(in_utf8(body)) if len(body) > LARGE else iter((body,))
            page = self._raw(next(parts))
            for part in parts:
                following = self._raw(part)
                page.items += following.items
                page.pagination = following.pagination
                page.one_line = page.one_line and following.one_line
                settle()
        except _MALFORMED as exc:
            raise _unreadable(exc, body) from None
        return page

    def permissive(self, value: object) -> Page[T]:
        """The page from exact plain data, which it may change."""
        found, records = self._apart(value)
        items: list[T] = []
        for position, record in enumerate(records):
            try:
                items.append(self._item.permissive(record))
            except msgspec.ValidationError as exc:
                raise relocated(exc, self._place(position)) from None
            if position % _AT_ONCE == _AT_ONCE - 1:
                settle()
        return self._finished(found, items)

    def _large(self, body: bytes) -> Page[T]:
        items: list[T] = []
        page: Page[T] | None = None
        for part in pages_of(in_utf8(body)):
            try:
                page = super()._large(part) if len(part) > LARGE else self._typed(part)
            except msgspec.ValidationError as exc:
                raise shifted(exc, self._place(0), len(items)) from None
            items += page.items
            settle()
        assert page is not None  # noqa: S101 - there is at least one part
        page.items = items
        return page

    def _raw(self, body: bytes) -> RawPage:
        try:
            found = self._opened(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._sliced(body)
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
            except (msgspec.ValidationError, UnicodeDecodeError):
                try:
                    items.append(self._item.permissive(decode_exact(text)))
                except msgspec.ValidationError as exc:
                    raise relocated(exc, self._place(position)) from None
        return self._finished(found, items)

    def _sliced(self, body: bytes) -> RawPage:
        """The raw page where the decoder in C rejects the text."""
        from pocketsflow_async._slices import slices

        found, records = self._apart(self._shaped(slices(body)))
        return RawPage([msgspec.Raw(record) for record in records], self._told(found), one_line=True)

    def _apart(self, value: Any) -> tuple[Any, list[Any]]:
        """The envelope, checked, and what stands in it as records."""
        key = self._key()
        if key is None:
            return None, msgspec.convert(value, list[Any])
        records: list[Any] = []
        if is_object(value) and is_array(value.get(key)):
            records = value[key]
            value = {**value, key: []}
        return msgspec.convert(straighten(value, self.opened), self.opened), records

    def _shaped(self, value: Any) -> Any:
        return find_records(value, self._key())

    def _place(self, position: int) -> str:
        return f".{self._key()}[{position}]" if self._items else f"[{position}]"

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


def _unreadable(exc: Exception, body: bytes) -> APIResponseError:
    """The error for a body that no road could read."""
    text = str(exc)
    if isinstance(exc, msgspec.ValidationError):
        reason, path = split_error(text)
        place = path if len(path) <= 200 else f"{path[:200]}…"
        return APIResponseError(f"the answer is not what the spec says at {place}: {reason}", path=path, body=body)
    if isinstance(exc, RecursionError):
        text = "it is nested too deeply"
    start = body[:60].decode("utf-8", "replace")
    return APIResponseError(f"the answer is not JSON ({text}); it begins with {start!r}", body=body)
