"""Every place where text may end up, and the search for a secret in it."""

import copy
import gc
import html
import io
import json
import logging
import pickle
import traceback
import types
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from rich.console import Console
from rich.traceback import Traceback

MARK = "0ddba11c0ffee"
"""What every secret of these tests holds, and nothing else."""
OPAQUE = (types.TracebackType, types.FrameType, types.CodeType, types.FunctionType, types.ModuleType, type)
"""Not walked into: frames hold the locals of the program, and classes and modules lead to all there is."""


def reachable(thing: object) -> Iterator[str]:
    """Every text that can be reached from a thing by references."""
    seen: set[int] = set()
    left = [thing]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, OPAQUE):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes | bytearray):
            yield as_text(one)
        else:
            yield repr(one)
            left += gc.get_referents(one)


def in_rich(error: BaseException) -> str:
    file = io.StringIO()
    console = Console(file=file, width=200)
    console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=False))
    return file.getvalue()


def in_the_log(error: BaseException) -> str:
    file = io.StringIO()
    handler = logging.StreamHandler(file)
    handler.emit(logging.LogRecord("x", 40, "f", 1, "%s %r", (error, error), (type(error), error, error.__traceback__)))
    return file.getvalue()


def refused_pickle(thing: object) -> str:
    """A pickle, or the words in which it was refused."""
    try:
        return as_text(pickle.dumps(thing))
    except (TypeError, AttributeError) as exc:
        return str(exc)


def refused_copy(thing: object) -> str:
    try:
        return repr(copy.deepcopy(thing))
    except (TypeError, AttributeError) as exc:
        return str(exc)


def as_text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes | bytearray) else str(value)


Sink = Callable[[Any], Any]

SHOWN: dict[str, Sink] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "percent": lambda thing: f"{thing!a}",
    "dir": dir,
}
"""Where anything may end."""

KEPT: dict[str, Sink] = {
    **SHOWN,
    "pickle": refused_pickle,
    "deepcopy": refused_copy,
}
"""Where what holds the key may end besides: it refuses to be pickled and copied."""

HELD: dict[str, Sink] = {
    **KEPT,
    "everything reachable": lambda thing: "\n".join(reachable(thing)),
    "vars": lambda thing: repr(getattr(thing, "__dict__", "")),
}
"""Where errors, answers and settings may end: they hold neither key nor secret at all."""

RAISED: dict[str, Sink] = {
    **HELD,
    "args and notes": lambda error: repr((error.args, getattr(error, "__notes__", ()))),
    "traceback": lambda error: "".join(traceback.TracebackException.from_exception(error).format()),
    "rich traceback": in_rich,
    "logged": in_the_log,
    "pickled and raised again": lambda error: "\n".join(reachable(pickle.loads(pickle.dumps(error)))),  # noqa: S301
}
"""Where errors may end besides."""


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as sent": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "as a form": quote_plus,
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "each byte percent-encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON escapes": lambda text: "".join(f"\\u{ord(mark):04X}" for mark in text),
    "HTML": html.escape,
    "HTML entities": lambda text: "".join(f"&#x{ord(mark):x};" for mark in text),
    "Python": lambda text: repr(text.encode()),
    "hexadecimal": lambda text: text.encode().hex().upper(),
    "Base64": lambda text: b64encode(text.encode()).decode(),
    "Base64, one byte on": lambda text: b64encode(b"x" + text.encode() + b"y").decode(),
    "Base64, two bytes on": lambda text: b64encode(b"xx" + text.encode() + b"yy").decode(),
    "Base64 of a form": lambda text: b64encode(b"key=" + quote_plus(text).encode()).decode(),
    "Base64 for addresses": lambda text: urlsafe_b64encode(text.encode()).decode(),
    "Base64 in lines": lambda text: encodebytes(b"x" * 41 + text.encode()).decode(),
    "Base64, percent-encoded": lambda text: quote(b64encode(text.encode()).decode(), safe=""),
}
"""How a server may spell what it was sent."""


def _needles() -> Iterator[str]:
    """The mark as each spelling shows it, in lower case; of Base64 the middle, which hangs on no neighbour."""
    for name, spell in SPELLINGS.items():
        spelled = spell(MARK).strip("\"'\\\n")
        yield (spelled[4:-4] if name.startswith("Base64") else spelled).lower()


NEEDLES = sorted({needle for needle in _needles() if len(needle) > 5})


def is_given_away(text: str) -> bool:
    """Whether a text has the mark in it, in any spelling, broken into lines or not."""
    flat = "".join(text.split()).replace("\\n", "").lower()
    return any(needle in flat for needle in NEEDLES)


def leaks(sinks: dict[str, Sink], things: dict[str, Any]) -> list[str]:
    """Thing and sink wherever a secret is found."""
    return [
        f"{name} in {sink}"
        for name, thing in things.items()
        for sink, put in sinks.items()
        if is_given_away(str(put(thing)))
    ]
