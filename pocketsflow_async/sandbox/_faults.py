"""Faults on request: what goes wrong, for which requests, and how often."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

import attrs

from pocketsflow_async._values import whole
from pocketsflow_async.errors import InvalidArgumentError
from pocketsflow_async.sandbox._calls import Refused, invalid
from pocketsflow_async.sandbox._ids import Dice
from pocketsflow_async.sandbox._routes import VERBS

_CERTAIN: Final = 1_000_000_000


def _seconds(name: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise invalid(name, "must be a number of seconds")


def _seconds_or_none(name: str, value: Any) -> None:
    if value is not None:
        _seconds(name, value)


def _seconds_or_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        _seconds(name, value)
    elif not value.isascii() or not value.isprintable():
        raise invalid(name, "must fit into a header")


def _status(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise invalid(name, "must be an HTTP status from 200 to 599")


def _count(name: str, value: Any) -> None:
    found = whole(value)
    if found is None or found < 1:
        raise invalid(name, "must be a whole number of at least 1")


def _anything(_name: str, _value: Any) -> None:
    """Every JSON value will do."""


Checks = Mapping[str, Callable[[str, Any], None]]

_KINDS: Final[Mapping[str, Checks]] = {
    "delay": {"seconds": _seconds},
    "status": {"status": _status, "retry_after": _seconds_or_text, "retry_date": _seconds, "body": _anything},
    "reset_before": {},
    "reset_after": {},
    "cut_body": {},
    "stall": {"seconds": _seconds_or_none},
    "slow_drip": {"pieces": _count, "pause": _seconds},
    "wrong_type": {},
    "invalid_json": {},
    "wrong_shape": {"body": _anything},
}
_NEEDED: Final = {"delay": "seconds", "status": "status"}
_VERBS: Final = frozenset(verb.upper() for verb in VERBS)


@attrs.define(eq=False)
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: one of delay, status, reset_before, reset_after, cut_body, stall, slow_drip, wrong_type, invalid_json
            and wrong_shape.
        method: the verb it is for; None for all.
        path: the route it is for, as the spec has it, such as `/orders/{id}`; None for all.
        times: how many requests it still hits; None for every one until it is cleared.
        probability: how likely it hits a request that it is for.
        parameters: what else its kind takes.
        hits: how many requests it has hit.
    """

    kind: str
    method: str | None
    path: str | None
    times: int | None
    probability: float
    parameters: dict[str, Any]
    hits: int = 0

    def described(self) -> dict[str, Any]:
        """The fault as the control API shows it."""
        fields = attrs.asdict(self, filter=attrs.filters.exclude(attrs.fields(Fault).parameters))
        return {**fields, **self.parameters}


class Faults:
    """The faults of one sandbox. A request is hit by the first that is for it, and by no other.

    Args:
        seed: of the chance.
        routes: the paths of the spec.
    """

    def __init__(self, seed: int, routes: Collection[str]) -> None:
        self._dice = Dice(seed, "faults")
        self._routes = routes
        self._waiting: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._waiting))

    def __len__(self) -> int:
        return len(self._waiting)

    def add(
        self,
        kind: str,
        *,
        method: str | None = None,
        path: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        **parameters: Any,
    ) -> Fault:
        """Let something go wrong from now on.

        Kinds, and what they take: `delay` (seconds), `status` (status, body, and retry_after or, for a date so many
        seconds from now, retry_date), `reset_before` and `reset_after` (the connection is aborted before the work is
        done, or after it), `cut_body` (half of the body, then the end), `stall` (headers, then silence for `seconds`
        or until the client goes away), `slow_drip` (pieces, pause), `wrong_type` (HTML), `invalid_json`, and
        `wrong_shape` (body).

        Args:
            kind: what goes wrong.
            method: the verb it is for; None for all.
            path: the route it is for, as the spec has it, such as `/orders/{id}`; None for all.
            times: how many requests it hits; None for every one until `clear`.
            probability: how likely it hits a request that it is for.
            **parameters: what the kind takes.

        Raises:
            InvalidArgumentError: there is no such fault.
        """
        given = {"method": method, "path": path, "times": times, "probability": probability, **parameters}
        try:
            return self.add_described({"kind": kind, **given})
        except Refused as refused:
            raise InvalidArgumentError(refused.message) from None

    def add_described(self, given: Mapping[str, Any]) -> Fault:
        """The same for a JSON object.

        Raises:
            Refused: there is no such fault.
        """
        rest = dict(given)
        kind, method, path = rest.pop("kind", None), rest.pop("method", None), rest.pop("path", None)
        times, probability = rest.pop("times", None), rest.pop("probability", 1.0)
        if not isinstance(kind, str) or kind not in _KINDS:
            raise invalid("kind", f"must be one of {', '.join(_KINDS)}")
        if method is not None and (not isinstance(method, str) or method.upper() not in _VERBS):
            raise invalid("method", f"must be one of {', '.join(sorted(_VERBS))}")
        if path is not None and (not isinstance(path, str) or path not in self._routes):
            raise invalid("path", "must be a route of the spec, such as /orders/{id}")
        if times is not None:
            _count("times", times)
        if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
            raise invalid("probability", "must be a number from 0 to 1")
        checks = _KINDS[kind]
        for name, value in rest.items():
            if name not in checks:
                raise invalid(name, f"is nothing that {kind} takes")
            checks[name](name, value)
        if kind in _NEEDED and _NEEDED[kind] not in rest:
            raise invalid(_NEEDED[kind], "is required")
        if {"retry_after", "retry_date"} <= rest.keys():
            raise invalid("retry_date", "cannot stand beside retry_after")
        fault = Fault(kind, method and method.upper(), path, times, probability, rest)
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._waiting.clear()

    def pick(self, method: str, route: str | None) -> Fault | None:
        """What goes wrong with a request, which counts as hit."""
        for fault in self._waiting:
            if fault.method not in {None, method} or fault.path not in {None, route}:
                continue
            if fault.probability < 1 and self._dice.below(_CERTAIN) >= fault.probability * _CERTAIN:
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
            return fault
        return None
