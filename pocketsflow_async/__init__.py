"""Async client for the Pocketsflow API: typed, within the quota, and sure not to write twice."""

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._config import RateLimit, RequestOptions, RetryPolicy
from pocketsflow_async._page import Page
from pocketsflow_async._paging import Pager
from pocketsflow_async._quota import QuotaState, RateLimiter
from pocketsflow_async._unset import UNSET, Unset
from pocketsflow_async._upload import Upload
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
