"""Pages: an envelope, decoded as one, and records that are decoded each on its own where that is needed."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.json import Decoder

from pocketsflow_async._codec import MALFORMED, Build, Codec, many, unreadable
from pocketsflow_async._json import is_array, is_object
from pocketsflow_async._lenient import find_records, relocated, shifted, straighten
from pocketsflow_async._model import Source
from pocketsflow_async._page import Page, RawPage
from pocketsflow_async._pieces import LARGE, pages_of, settle
from pocketsflow_async._plain import decode_exact, in_utf8
from pocketsflow_async._sound import sound

T = TypeVar("T")

_AT_ONCE = 1000


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
        except MALFORMED as exc:
            raise unreadable(exc, body) from None
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
