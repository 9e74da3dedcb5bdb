"""Async client for the Pocketsflow API: typed, within the quota, and sure not to write twice."""

from typing import TYPE_CHECKING, Any

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._config import RateLimit, RequestOptions, RetryPolicy
from pocketsflow_async._unset import UNSET, Unset
from pocketsflow_async.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ExportError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    PocketsflowError,
    PreviewWarning,
    RateLimitError,
    ServerError,
    SpecDriftWarning,
    UnprocessableEntityError,
    WebhookVerificationError,
)

if TYPE_CHECKING:
    from pocketsflow_async._page import Page
    from pocketsflow_async._paging import Pager
    from pocketsflow_async._quota import QuotaState, RateLimiter
    from pocketsflow_async._upload import Upload

__all__ = [
    "UNSET",
    "APIConnectionError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "ExportError",
    "InvalidArgumentError",
    "NotFoundError",
    "Page",
    "Pager",
    "PermissionDeniedError",
    "Pocketsflow",
    "PocketsflowError",
    "PreviewWarning",
    "QuotaState",
    "RateLimit",
    "RateLimitError",
    "RateLimiter",
    "RequestOptions",
    "RetryPolicy",
    "ServerError",
    "SpecDriftWarning",
    "UnprocessableEntityError",
    "Unset",
    "Upload",
    "WebhookVerificationError",
]

_LATER = {
    "Page": "_page",
    "Pager": "_paging",
    "QuotaState": "_quota",
    "RateLimiter": "_quota",
    "Upload": "_upload",
}
"""Where names stand that are loaded when they are first used: some of them bring asyncio."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
