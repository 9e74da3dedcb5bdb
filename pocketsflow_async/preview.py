"""Endpoints that the documentation names without giving a path: `pf.preview`, and the models they answer with.

Their paths and shapes are inferred. The first use of each warns with `PreviewWarning`.
"""

import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from pocketsflow_async._caller import Caller, distance
from pocketsflow_async._generated.pocketsflow_preview import models as _generated
from pocketsflow_async._generated.pocketsflow_preview.resources import Resources
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import RawPage
from pocketsflow_async._upload import File, Upload
from pocketsflow_async.errors import NotFoundError, PreviewWarning

T = TypeVar("T")


class Preview(Resources):
    """The resources whose paths are inferred, by name."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(_Warner(caller))


class _Warner:
    """Says once for each operation that its path is inferred, and again where the API does not know it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._told: set[str] = set()

    async def call(self, operation: Operation[T], **arguments: Any) -> T:
        """Carry out an operation and give back its typed answer."""
        self._warn(operation)
        try:
            return await self._caller.call(operation, **arguments)
        except NotFoundError as error:
            raise _explained(error, operation) from None

    async def raw_page(self, operation: Operation[Any], **arguments: Any) -> RawPage:
        """One page of a list with its records as the server sent them."""
        self._warn(operation)
        try:
            return await self._caller.raw_page(operation, **arguments)
        except NotFoundError as error:
            raise _explained(error, operation) from None

    def _warn(self, operation: Operation[Any]) -> None:
        if operation.name not in self._told:
            self._told.add(operation.name)
            warnings.warn(f"preview.{operation.name}: {_inferred(operation)}", PreviewWarning, stacklevel=distance())


def _inferred(operation: Operation[Any]) -> str:
    return f"the path {operation.path} is inferred; the documentation names the capability, but no path"


def _explained(error: NotFoundError, operation: Operation[Any]) -> NotFoundError:
    told = NotFoundError(
        f"{error.message} ({_inferred(operation)})",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        headers=error.headers,
        body=error.body,
    )
    told.attempts = error.attempts
    return told


if TYPE_CHECKING:
    from pocketsflow_async._generated.pocketsflow_preview.models import *  # noqa: F403 - the door shows all of them
else:

    def __getattr__(name: str) -> Any:
        return getattr(_generated, name)


__all__ = ["File", "Preview", "PreviewWarning", "Upload"]
