"""What the server says of its quota in an answer's headers, in any of the three ways that are in use.

- `RateLimit: "default";r=50;t=30` and `RateLimit-Policy: "default";q=100;w=60` (the IETF draft; several limits may
  stand side by side, separated by commas);
- `RateLimit: limit=100, remaining=50, reset=30` and `RateLimit-Policy: 100;w=60` (its earlier editions);
- `RateLimit-Limit`, `-Remaining` and `-Reset`, or the same with `X-` in front (the convention before them; the reset
  may be a moment in seconds or milliseconds since 1970 instead of seconds to wait).

Nothing of Pocketsflow's own documentation names any of them; they are believed if they come. Nonsense is ignored.
"""

import re
import time
from collections.abc import Mapping
from typing import NamedTuple

_MOMENT = 1_000_000_000
"""A reset from here on is a moment since 1970, not a time to wait: that would be 31 years."""

_LONGEST_WINDOW = 86_400.0
"""Seconds. Whoever announces a longer window means something else than requests of one program."""

_MOST_POLICIES = 8
"""Limits of one answer that are looked at."""

_PARAMETER = r"([a-zA-Z]+)\s*=\s*\"?(\d{1,15}(?:\.\d{1,6})?)\"?\s*"


class Advice(NamedTuple):
    """What the server says of its own count.

    Attributes:
        remaining: requests that it still allows until the reset.
        reset: seconds until then.
        policies: its limits, each as requests and seconds.
    """

    remaining: float | None = None
    reset: float | None = None
    policies: tuple[tuple[float, float], ...] = ()


def read_advice(headers: Mapping[str, str]) -> Advice | None:
    """The advice in an answer's headers (a mapping that ignores case); None where there is none."""
    state, policy = headers.get("RateLimit"), headers.get("RateLimit-Policy")
    remaining = headers.get("RateLimit-Remaining") or headers.get("X-RateLimit-Remaining")
    if state is None and policy is None and remaining is None:
        return None
    left = _number(remaining)
    until = _until(headers.get("RateLimit-Reset") or headers.get("X-RateLimit-Reset"))
    for found in _items(state):
        told = found.get("r", found.get("remaining"))
        if told is not None and (left is None or told < left):
            left, until = told, found.get("t", found.get("reset"))
    limits = [(found.get("q", found.get("", 0.0)), found.get("w", 0.0)) for found in _items(policy)]
    sound = [(quota, window) for quota, window in limits if quota > 0 and 0 < window <= _LONGEST_WINDOW]
    return Advice(left, until, tuple(sound[:_MOST_POLICIES]))


def _items(text: str | None) -> list[dict[str, float]]:
    """The limits of a structured header, each as its parameters; a bare number in front is called ""."""
    if not text:
        return []
    if ";" not in text:  # limit=100, remaining=50, reset=30: all parts speak of one limit
        text = text.replace(",", ";")
    found: list[dict[str, float]] = []
    for item in text.split(","):
        head, *rest = item.strip().split(";")
        parameters = {"": float(head)} if _number(head) is not None else {}
        for part in [head, *rest]:
            match = re.fullmatch(_PARAMETER, part.strip())
            if match:
                parameters[match[1].lower()] = float(match[2])
        found.append(parameters)
    return found


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if len(text) <= 15 and text.isascii() and text.isdigit() else None


def _until(text: str | None) -> float | None:
    seconds = _number(text)
    if seconds is None or seconds < _MOMENT:
        return seconds
    if seconds >= _MOMENT * 1000:
        seconds /= 1000
    return max(seconds - time.time(), 0.0)
