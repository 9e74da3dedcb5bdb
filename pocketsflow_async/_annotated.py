"""Names of annotations that `import pocketsflow_async` does not load: each comes when somebody asks for the hints."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "Caller",
    "ClientSession",
    "Door",
    "EventStore",
    "Handler",
    "OnEvent",
    "Preview",
    "QuotaState",
    "RateLimiter",
]


class Door:
    """A module that is imported when something of it is asked for."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._module), name)


if TYPE_CHECKING:
    from aiohttp import ClientSession

    from pocketsflow_async._caller import Caller
    from pocketsflow_async._quota import QuotaState, RateLimiter
    from pocketsflow_async._webhook_handler import EventStore, Handler, OnEvent
    from pocketsflow_async.preview import Preview
else:
    _PLACES = {
        "Caller": "pocketsflow_async._caller",
        "ClientSession": "aiohttp",
        "EventStore": "pocketsflow_async._webhook_handler",
        "Handler": "pocketsflow_async._webhook_handler",
        "OnEvent": "pocketsflow_async._webhook_handler",
        "Preview": "pocketsflow_async.preview",
        "QuotaState": "pocketsflow_async._quota",
        "RateLimiter": "pocketsflow_async._quota",
    }

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_PLACES[name]), name)
