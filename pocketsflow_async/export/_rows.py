"""JSON texts to columns: many records in one pass in C, and with patience those that are not as the spec says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import GenericAlias
from typing import Any

import attrs
from msgspec import UNSET, DecodeError, Raw, Struct, ValidationError, defstruct
from msgspec.json import Decoder, Encoder

from pocketsflow_async._slices import members
from pocketsflow_async.export._columns import Column, Kind
from pocketsflow_async.export._values import READERS, SENT_AS, UNFIT, Cells, time_as_models

AT_ONCE = 1000
"""Records that are decoded in one pass."""

ROOM = 8 * 1024 * 1024
"""Bytes of records that a format holds at once."""

_FEW = 10
_MOST_LEARNED = 50
_ALIASES: Mapping[str, str] = {"_id": "id", "id": "_id"}

_encode = Encoder(order="sorted").encode
_fields = Decoder(dict[str, Raw]).decode
_decoders = {kind: Decoder(sent if sent is Raw else sent | None).decode for kind, sent in SENT_AS.items()}


@attrs.frozen
class _Leaf:
    """A field that is a column, the one with this number."""

    index: int
    kind: Kind


class _Node:
    """An object that is spread over columns.

    Attributes:
        parts: what stands under each of the API's names.
        learned: fields that were met and that the spec does not know.
        empty: an object without any field, once there is a struct.
    """

    def __init__(self) -> None:
        self.parts: dict[str, _Leaf | _Node] = {}
        self.learned: list[str] = []
        self._known: list[tuple[str, _Leaf | _Node]] = []
        self._inner: list[tuple[str, str, _Node]] = []
        self._unknown: list[tuple[str, str]] = []
        self.empty: Any = None

    def learn(self, name: str) -> bool:
        """Whether this field can be read in one pass with the others from now on."""
        if name in self.learned or _ALIASES.get(name) in self.parts or len(self.learned) == _MOST_LEARNED:
            return False
        self.learned.append(name)
        return True

    def struct(self) -> type[Struct]:
        """A struct of what is known and what was learned; it needs no field, and refuses any other."""
        self._known = [(f"known{number}", part) for number, part in enumerate(self.parts.values())]
        self._inner = [
            (slot, name, part)
            for name, (slot, part) in zip(self.parts, self._known, strict=True)
            if isinstance(part, _Node)
        ]
        self._unknown = [(f"unknown{number}", name) for number, name in enumerate(self.learned)]
        fields: list[tuple[str, Any, Any]] = []
        for slot, part in self._known:
            kind = part.struct() if isinstance(part, _Node) else SENT_AS[part.kind]
            fields.append((slot, kind if kind is Raw else kind | None, None))
        fields += [(slot, Raw, UNSET) for slot, _ in self._unknown]
        names = dict(zip((slot for slot, _, _ in fields), (*self.parts, *self.learned), strict=True))
        made = defstruct("Row", fields, rename=names, forbid_unknown_fields=True, kw_only=True, gc=False)
        self.empty = made()
        return made

    def gather(self, rows: Sequence[Any], into: list[Cells]) -> None:
        """Read the columns of these objects."""
        for slot, part in self._known:
            values = list(map(attrgetter(slot), rows))
            if isinstance(part, _Node):
                part.gather([part.empty if value is None else value for value in values], into)
            else:
                into[part.index] = READERS[part.kind](values)

    def unknown(self, row: Any) -> dict[str, Any]:
        """The fields of an object that the spec does not know."""
        found = {name: value for slot, name in self._unknown if (value := getattr(row, slot)) is not UNSET}
        for slot, name, part in self._inner:
            inner = getattr(row, slot)
            if inner is not None and (rest := part.unknown(inner)):
                found[name] = rest
        return found

    def knows_all(self) -> bool:
        """Whether nothing was learned, here or inside."""
        return not self.learned and all(part.knows_all() for _, _, part in self._inner)


class RowReader:
    """Reads records into columns. What has no place in a column goes to `extra`, the last one; nothing is lost.

    Args:
        columns: those of the table, `extra` the last.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._width = len(columns)
        self._root = _Node()
        for index, column in enumerate(columns[:-1]):
            node = self._root
            for name in column.path[:-1]:
                inner = node.parts.setdefault(name, _Node())
                assert isinstance(inner, _Node)  # noqa: S101 - columns that come from a type cannot be otherwise
                node = inner
            node.parts[column.path[-1]] = _Leaf(index, column.kind)
        self._decode: Any = None

    def tables(self, records: Iterable[bytes], size: int, room: float = ROOM) -> Iterator[list[Cells]]:
        """The columns of each `size` records, or of fewer that fill the room."""
        for chunk in _chunks(records, size, room):
            columns: list[Cells] = [[] for _ in range(self._width)]
            for start in range(0, len(chunk), AT_ONCE):
                self._read(chunk[start : start + AT_ONCE], columns)
            yield columns

    def _read(self, records: list[bytes], into: list[Cells]) -> None:
        """Add these records: in one pass if all are as expected, else in smaller parts, else one by one."""
        try:
            columns = self._fast(records)
        except UNFIT:
            if len(records) > _FEW:
                step = -(-len(records) // _FEW)
                for start in range(0, len(records), step):
                    self._read(records[start : start + step], into)
                return
            columns = [list(cells) for cells in zip(*map(self._patiently, records), strict=True)]
        for cells, more in zip(into, columns, strict=True):
            cells.extend(more)

    def _fast(self, records: list[bytes]) -> list[Cells]:
        if self._decode is None:
            self._decode = Decoder(GenericAlias(list, (self._root.struct(),))).decode
        rows = self._decode(b"[%b]" % b",".join(records))
        if len(rows) != len(records):
            raise DecodeError("a record is no JSON text of its own")
        columns: list[Cells] = [[]] * self._width
        self._root.gather(rows, columns)
        if self._root.knows_all():
            columns[-1] = [None] * len(rows)
        else:
            columns[-1] = [_encode(rest).decode() if (rest := self._root.unknown(row)) else None for row in rows]
        return columns

    def _patiently(self, record: bytes) -> Cells:
        row: Cells = [None] * self._width
        try:
            extra = self._walk(self._root, record, row)
            row[-1] = _encode(extra).decode("utf-8", "replace") if extra else None
        except UNFIT:
            row = [None] * self._width
            row[-1] = record.decode("utf-8", "replace").strip()
        return row

    def _walk(self, node: _Node, text: bytes | Raw, row: Cells) -> dict[str, Any]:
        """Read an object field by field; what has no place comes back."""
        rest: dict[str, Any] = {}
        fields = _fields_of(text)
        for name, value in fields.items():
            part = node.parts.get(name)
            other = _ALIASES.get(name, name)
            if part is None and other in node.parts and other not in fields:
                part = node.parts[other]
            if part is None:
                rest[name] = value
                if node.learn(name):
                    self._decode = None
            elif isinstance(part, _Leaf):
                if not _put(part, value, row):
                    rest[name] = value
            elif bytes(value) != b"null":
                try:
                    inner = self._walk(part, value, row)
                except UNFIT:
                    rest[name] = value
                else:
                    rest |= {name: inner} if inner else {}
        return rest


def _fields_of(text: bytes | Raw) -> dict[str, Raw]:
    """The fields of an object, each with its text, however odd its spelling."""
    try:
        return _fields(text)
    except ValidationError:
        raise
    except (DecodeError, UnicodeDecodeError):
        return {name: Raw(value) for name, value in members(bytes(text)).items()}


def _chunks(records: Iterable[bytes], size: int, room: float) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    left = room
    for record in records:
        chunk.append(record)
        left -= len(record)
        if len(chunk) == size or left <= 0:
            yield chunk
            chunk, left = [], room
    if chunk:
        yield chunk


def _put(leaf: _Leaf, value: Raw, row: Cells) -> bool:
    """Put a value into its cell; whether all of it found a place there."""
    try:
        sent: Any = _decoders[leaf.kind](value)
        try:
            (row[leaf.index],) = READERS[leaf.kind]([sent])
        except UNFIT:
            if leaf.kind != "time":
                return False
            row[leaf.index], whole = time_as_models(sent)
            return whole
    except UNFIT:
        return False
    return True
