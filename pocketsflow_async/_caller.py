"""What generated methods call: something that carries operations out."""

import inspect
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Protocol, TypeVar

from pocketsflow_async._config import RequestOptions
from pocketsflow_async._model import Body
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import Unread
from pocketsflow_async._unset import UNSET, Unset

T = TypeVar("T")

_PACKAGE = "pocketsflow_async."


class Caller(Protocol):
    """Carries operations out: a client's connection, the executor behind it, or a fake in tests."""

    async def call(
        self,
        operation: Operation[T],
        *,
        ids: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        body: Body | Mapping[str, Any] | Unset = UNSET,
        options: RequestOptions | None = None,
    ) -> T:
        """Carry out an operation and give back its typed answer."""
        ...

    async def fetch(
        self,
        operation: Operation[Any],
        *,
        raw: bool = False,
        ids: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | Unset = UNSET,
        options: RequestOptions | None = None,
    ) -> Unread:
        """One page of a list, not decoded yet; `raw` leaves its records as the server sent them."""
        ...


def distance() -> int:
    """How far up from our caller the code stands that uses the package: a warning belongs to its line."""
    frame = inspect.currentframe()
    found = 0
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
        found += 1
    return found


def _is_ours(frame: FrameType) -> bool:
    """Whether it is of the package, or of cattrs, which calls us back from code that it makes."""
    module: str = frame.f_globals.get("__name__", "")
    return module.startswith((_PACKAGE, "cattrs.")) or frame.f_code.co_filename.startswith("<cattrs ")
