"""Answers of every kind, and what can go wrong with them: each mutation follows from one number."""

import random
import types
import typing
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import attrs
import msgspec
from msgspec import Raw
from msgspec.json import encode

Path = tuple[str | int, ...]

OTHER_TYPES = (
    b"null", b"true", b"7", b"-0", b"1.5", b"-0.0", b'""', b'"text"', b'"2024-02-30"', b'"0001-01-01T00:00:00+23:59"',
    b'"9999-12-31T23:59:59-23:59"', b"[]", b"[1]", b"[[]]", b"{}", b'{"a":1}', b'{"_id":5}', b'"NaN"', b'"-Infinity"',
    b'"sNaN"', b'"nan123"', b'" inf "', b'"\\u006ean"', b'"1e999999999999999999999"', b"1e400", b"1e1000000000",
    b"-1e-1000000000", b"18446744073709551616", b"9" * 5_000,
)  # fmt: skip
"""JSON, each one of the wrong type almost everywhere."""

NO_JSON = (
    b"NaN", b"-Infinity", b"Infinity", b"1e" + b"9" * 30, b"1e-" + b"9" * 5_000, b"9" * 100_000, b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\x00"', b"'a'", b"01", b"+1", b"1.", b".5",
    b"--1",    b"tru", b"undefined", b"", b"[1,]", b"{,}", b'{"a"}', b"{1:2}", b'"\\x41"', b'"\\u12"',
)  # fmt: skip
"""What is no JSON, or holds what no text or number can."""

DEPTHS = (30, 99, 101, 450, 600, 980, 1_500, 100_000)


@attrs.frozen
class Mutated:
    """An answer with something wrong in it.

    Attributes:
        kind: what was done to it.
        place: where in the body, if one value was replaced.
        number: leads to the same mutation again.
    """

    kind: str
    place: str
    number: int
    body: bytes = attrs.field(repr=lambda body: repr(body[:300]))


class Answer:
    """A good answer as plain data, and the places in it."""

    def __init__(self, reference: str, value: Any) -> None:
        self.reference = reference
        self.value = value
        self.places = list(_places(value, ()))
        self.keys = [place for place in self.places if place and isinstance(place[-1], str)]

    def mutated(self, number: int) -> Mutated:
        """The mutation of this number."""
        dice = random.Random(number)
        kind = dice.choice(_KINDS)
        place = dice.choice(self.places)
        value = self.value
        if dice.random() < 0.2:
            value = _respelled(value)
            place = tuple("id" if step == "_id" else step for step in place)
        elif dice.random() < 0.3:
            # Beside a wrong type stands nothing else that is wrong, so that it is clear what has to be told.
            value = _grown(value, dice.choice(_UNHEARD[: 3 if kind == "type" else None]))
        body = _MUTATIONS[kind](dice, value, place)
        return Mutated(kind, _spelled(place), number, body)


def example(kind: Any, depth: int = 0) -> Any:
    """Plain data of this type with every field filled."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return example(arguments[0], depth)
    if origin in {types.UnionType, typing.Union}:
        return None if depth > 4 else example(arguments[0], depth)
    if origin is list:
        return [example(arguments[0], depth + 1) for _ in range(2)]
    if origin is dict:
        return {"plan": example(arguments[1], depth + 1), "other": example(arguments[1], depth + 1)}
    if issubclass(kind, msgspec.Struct):
        return {field.encode_name: example(field.type, depth + 1) for field in msgspec.structs.fields(kind)}
    if issubclass(kind, Enum):
        return next(iter(kind)).value
    return _PLAIN[kind]


_PLAIN: dict[Any, Any] = {
    str: "text",
    int: 3,
    float: 4.5,
    bool: True,
    Decimal: 29.99,
    datetime: "2024-01-15T10:30:00Z",
    Any: {"free": [1, "a", None]},
}


def _places(value: Any, place: Path) -> Iterator[Path]:
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from _places(one, (*place, step))


def _spelled(place: Path) -> str:
    return "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in place)


def _at(value: Any, place: Path) -> Any:
    for step in place:
        value = value[step]
    return value


def _put(value: Any, place: Path, new: Any) -> Any:
    """A copy with another value at a place; None stands for no value at all."""
    if not place:
        return new
    step = place[0]
    inner = _put(value[step], place[1:], new)
    copy = dict(value) if isinstance(value, dict) else list(value)
    if inner is None:
        del copy[step]
    else:
        copy[step] = inner
    return copy


def _respelled(value: Any) -> Any:
    """With `id` for every `_id`."""
    if isinstance(value, dict):
        return {"id" if key == "_id" else key: _respelled(one) for key, one in value.items()}
    return [_respelled(one) for one in value] if isinstance(value, list) else value


def _grown(value: Any, token: bytes) -> Any:
    """With a field that nobody knows in every object."""
    if isinstance(value, dict):
        return {**{key: _grown(one, token) for key, one in value.items()}, "unheard": Raw(token)}
    return [_grown(one, token) for one in value] if isinstance(value, list) else value


def _nulled(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(value)
    return [_nulled(one) for one in value] if isinstance(value, list) else None


def _swap(dice: random.Random, value: Any, place: Path) -> bytes:
    return encode(_put(value, place, Raw(dice.choice(OTHER_TYPES))))


def _poison(dice: random.Random, value: Any, place: Path) -> bytes:
    return encode(_put(value, place, Raw(dice.choice(NO_JSON))))


def _drop(dice: random.Random, value: Any, place: Path) -> bytes:
    return encode(_put(value, place, None)) if place else b""


def _cut(dice: random.Random, value: Any, place: Path) -> bytes:
    body = encode(value)
    return body[: dice.randrange(len(body))]


def _nest(dice: random.Random, value: Any, place: Path) -> bytes:
    depth = dice.choice(DEPTHS)
    begin, end = dice.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"_id":', b"}]")))
    closed = dice.random() < 0.8
    return encode(_put(value, place, Raw(begin * depth + b"1" + end * depth * closed)))


def _twice(dice: random.Random, value: Any, place: Path) -> bytes:
    """The same key again with another value, before or after the good one."""
    if not place or isinstance(place[-1], int):
        return encode([value, value])
    key, good = encode(place[-1]), encode(_at(value, place))
    pairs = [key + b":" + good, key + b":" + dice.choice(OTHER_TYPES)]
    dice.shuffle(pairs)
    rest = encode({name: one for name, one in _at(value, place[:-1]).items() if name != place[-1]})
    whole = b"{" + b",".join(pairs) + (b"," if len(rest) > 2 else b"") + rest[1:]
    return encode(_put(value, place[:-1], Raw(whole)))


def _scratch(dice: random.Random, value: Any, place: Path) -> bytes:
    """Bytes replaced, inserted or taken away."""
    body = bytearray(encode(value))
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(body) + 1)
        body[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    return bytes(body)


def _wrap(dice: random.Random, value: Any, place: Path) -> bytes:
    """The wrong envelope, or a part of the answer for the whole."""
    part = _at(value, place)
    whole = dice.choice((value, part))
    return encode(
        dice.choice(
            ({"data": whole}, [whole], {"x": [whole]}, {"sale": whole}, {"a": [], "b": [whole]}, part, [[whole]])
        )
    )


def _prefix(dice: random.Random, value: Any, place: Path) -> bytes:
    codec = dice.choice(("utf-8-sig", "utf-16", "utf-32", "utf-16-be"))
    return encode(value).decode().encode(codec)


def _lengthen(dice: random.Random, value: Any, place: Path) -> bytes:
    text = dice.choice(
        (b'"' + b"x" * 50_000 + b'"', b'"' + "\U0001f4a5".encode() * 10_000 + b'"', b'"' + b"\\n" * 20_000 + b'"')
    )
    return encode(_put(value, place, Raw(text)))


def _null(dice: random.Random, value: Any, place: Path) -> bytes:
    return encode(dice.choice((_nulled(value), None, [None], {"data": None}, {"data": [None]})))


_UNHEARD = (b"1", b"[[1.50]]", b'{"a":"\\u00e9"}', b"1e400", b"9" * 5_000)
_MUTATIONS = {
    "type": _swap,
    "poison": _poison,
    "drop": _drop,
    "cut": _cut,
    "nest": _nest,
    "twice": _twice,
    "scratch": _scratch,
    "wrap": _wrap,
    "prefix": _prefix,
    "long": _lengthen,
    "null": _null,
}
_KINDS = [*_MUTATIONS, *["type"] * 9, *["poison"] * 3, "drop", "drop", "twice", "scratch"]
"""The commoner ones more often."""
