"""What generated methods call: something that carries operations out."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pocketsflow_async._config import RequestOptions
from pocketsflow_async._model import Body
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import Unread
from pocketsflow_async._unset import UNSET, Unset

T = TypeVar("T")


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
