"""Bytes to models: checked and typed in C by private structs, then copied into the models that users hold.

A body is decoded on the first of three paths that accepts it:

1. the fast path: the whole body in one pass, no unknown field;
2. the open path: unknown fields are allowed; each record keeps its own JSON text for `extra`. Once a body needed it,
   the codec begins here;
3. the permissive path: decoded by `_plain`, normalized by `_lenient`, then checked against the structs of the open
   path. What they reject becomes an `APIResponseError` that names the place. Of a page, only the odd records come here.

A large body is cut into parts, which take these paths, or is decoded in pieces and takes the permissive one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.json import Decoder

from pocketsflow_async._lenient import checked, split_error, straighten, unwrap
from pocketsflow_async._model import Source
from pocketsflow_async._pieces import LARGE, settle
from pocketsflow_async._plain import decode_exact, encode_exact, repaired, whole
from pocketsflow_async.errors import APIResponseError

T = TypeVar("T")

Build = Callable[[Any, Source | None], T]
"""The generated copy of a struct into a model, which remembers its source."""

_AT_ONCE = 1000

MALFORMED = (msgspec.DecodeError, ValueError, RecursionError)


class Codec(Generic[T]):
    """Reads one kind of answer.

    Args:
        wire: the struct of the fast path.
        opened: the struct of the open path.
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
        except MALFORMED as exc:
            raise unreadable(exc, body) from None

    def from_plain(self, value: object) -> T:
        """The typed answer from plain data.

        Raises:
            APIResponseError: it is not what the spec says, or has no place in JSON.
        """
        try:
            return self._read_plain(decode_exact(encode_exact(whole(value))))
        except (*MALFORMED, TypeError) as exc:  # plain data need not come from JSON
            raise unreadable(exc, b"") from None

    def plain(self, body: bytes) -> Any:
        """The answer as plain data: unknown fields included, in the shape that the spec names.

        Raises:
            APIResponseError: it cannot be read.
        """
        try:
            return self._shaped(decode_exact(body))
        except MALFORMED as exc:
            raise unreadable(exc, body) from None

    def permissive(self, value: object) -> T:
        """The typed answer from exact plain data, which it may change.

        Raises:
            ValidationError: it is not what the spec says.
        """
        straight = straighten(value, self.opened)
        return self.build(checked(straight, self.opened), Source(straight))

    def _large(self, body: bytes) -> T:
        return self._read_plain(decode_exact(body))

    def _typed(self, body: bytes, *, is_repaired: bool = False) -> T:
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
            if is_repaired or (fixed := repaired(body)) == body:
                raise
        return self._typed(fixed, is_repaired=True)

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


class Nothing(Codec[None]):
    """Reads answers that have no content; what comes all the same is not looked at."""

    def decode(self, body: bytes) -> None:
        """None, whatever the body is."""

    def plain(self, body: bytes) -> None:
        """None, whatever the body is."""


NOTHING = Nothing(type(None), type(None), lambda _, __: None)


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
            if position % _AT_ONCE == _AT_ONCE - 1:
                settle()
    return records


def unreadable(exc: Exception, body: bytes) -> APIResponseError:
    """The error for a body that no path accepts."""
    text = str(exc)
    if isinstance(exc, msgspec.ValidationError):
        reason, path = split_error(text)
        place = path if len(path) <= 200 else f"{path[:200]}…"
        return APIResponseError(f"the answer is not what the spec says at {place}: {reason}", path=path, body=body)
    if isinstance(exc, RecursionError):
        text = "it is nested too deeply"
    start = body[:60].decode("utf-8", "replace")
    return APIResponseError(f"the answer is not JSON ({text}); it begins with {start!r}", body=body)
