"""Names of annotations that `import pocketsflow_async` does not load: each comes when somebody asks for the hints."""

from typing import TYPE_CHECKING

from pocketsflow_async._door import door

__all__ = [
    "Caller",
    "ClientSession",
    "EventStore",
    "Handler",
    "OnEvent",
    "Preview",
    "QuotaState",
    "RateLimiter",
]

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
    __getattr__, __dir__ = door(__name__, _PLACES)
