"""Every exception that this package raises, in one tree.

    PocketsflowError
    ├── ConfigurationError          the client cannot be built like this
    ├── InvalidArgumentError        a call's argument cannot be sent (also a ValueError)
    ├── APIConnectionError          no complete answer arrived
    │   └── APITimeoutError         ... within the time allowed
    ├── APIResponseError            a 2xx answer is not what the spec says
    ├── APIStatusError              the API answered with an error status
    │   ├── BadRequestError           400
    │   ├── AuthenticationError       401
    │   ├── PermissionDeniedError     403
    │   ├── NotFoundError             404
    │   ├── ConflictError             409
    │   ├── UnprocessableEntityError  422
    │   ├── RateLimitError            429
    │   └── ServerError               5xx
    ├── WebhookVerificationError    a delivery was not signed with the secret
    └── ExportError                 an export could not be completed

Errors hold plain data only, never the client or its key; they pickle and copy with all their fields. Their texts can be
printed and logged as they are: control characters that a server sent are escaped, except in `body` and `headers`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

_RISKY = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that change the direction or break the line, and halves of characters."""


def printable(text: str) -> str:
    r"""The text with every character escaped that could forge a line, drive a terminal or make printing fail.

    `"a\nb"` becomes `"a\\nb"`; all other characters stay as they are.
    """
    return text if text.isprintable() else _RISKY.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


@attrs.frozen
class Attempt:
    """One try of a call: what came of it, and how long the client waited before it.

    Attributes:
        number: 1 for the first try.
        at: when it was sent, in UTC.
        outcome: the HTTP status as text, or the name of what went wrong.
        waited: seconds waited for the quota before this try.
        elapsed: seconds from sending to the answer or the failure.
        status: the HTTP status, None when there was no answer.
        request_id: the id that the server gave to this try, if any.
    """

    number: int
    at: datetime
    outcome: str
    waited: float
    elapsed: float
    status: int | None = None
    request_id: str | None = None


def _restore(cls: "type[PocketsflowError]", state: dict[str, Any]) -> "PocketsflowError":
    error = cls.__new__(cls, state["message"])
    error.__dict__.update(state)
    return error


class PocketsflowError(Exception):
    """The base of every error of this package.

    Attributes:
        message: what went wrong, where, and what to do about it.
        attempts: every try of the call that failed, oldest first; empty when nothing was sent.
    """

    message: str
    attempts: tuple[Attempt, ...]

    def __init__(self, message: str) -> None:
        message = printable(message)
        super().__init__(message)
        self.message = message
        self.attempts = ()

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), dict(self.__dict__))


class ConfigurationError(PocketsflowError):
    """The client cannot be built from these settings."""


class InvalidArgumentError(PocketsflowError, ValueError):
    """An argument cannot be sent; nothing was sent, or of a failing upload no more than a part."""


class APIConnectionError(PocketsflowError):
    """No complete answer arrived.

    Attributes:
        received: False when it is certain that the server never saw the request.
        temporary: False when the next try would fail alike, as with a certificate that cannot be verified.
    """

    received: bool
    temporary: bool

    def __init__(self, message: str, *, received: bool = True, temporary: bool = True) -> None:
        super().__init__(message)
        self.received = received
        self.temporary = temporary


class APITimeoutError(APIConnectionError):
    """No complete answer arrived within `timeout` or `deadline`."""


class APIResponseError(PocketsflowError):
    """A 2xx answer is not what the spec says: bad JSON, a missing field or a wrong type.

    Attributes:
        path: the place in the body, such as ``$.orders[3].price``.
        status: the HTTP status.
        body: the first 64 KiB of the body as it arrived, but for secrets: they are replaced by `***`.
    """

    path: str
    status: int
    body: bytes

    def __init__(self, message: str, *, path: str = "$", status: int = 200, body: bytes = b"") -> None:
        super().__init__(message)
        self.path = printable(path)
        self.status = status
        self.body = body


class APIStatusError(PocketsflowError):
    """The API answered with an error status.

    Attributes:
        status: the HTTP status.
        code: the API's own code for the error, if it gave one.
        field: the parameter or field at fault, if it named one.
        request_id: the server's id of the request, if it gave one.
        headers: the answer's headers, names in lower case.
        body: the decoded JSON body, or the text when it is no JSON.
    """

    status: int
    code: str | None
    field: str | None
    request_id: str | None
    headers: Mapping[str, str]
    body: Any

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        field: str | None = None,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = None if code is None else printable(code)
        self.field = None if field is None else printable(field)
        self.request_id = None if request_id is None else printable(request_id)
        self.headers = dict(headers or {})
        self.body = body

    def __str__(self) -> str:
        code = f" {self.code}" if self.code else ""
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.status}{code}: {self.message}{request}"


class BadRequestError(APIStatusError):
    """400: the API did not accept the parameters."""


class AuthenticationError(APIStatusError):
    """401: the API key or access token is missing, wrong or revoked; or a grant of access is refused."""


class PermissionDeniedError(APIStatusError):
    """403: the key is valid but may not do this."""


class NotFoundError(APIStatusError):
    """404: there is no such resource, or the key's mode cannot see it."""


class ConflictError(APIStatusError):
    """409: the request conflicts with the state of the resource or with an earlier idempotency key."""


class UnprocessableEntityError(APIStatusError):
    """422: the parameters are well formed but not acceptable."""


class RateLimitError(APIStatusError):
    """429: too many requests, in spite of the client's own quota.

    Attributes:
        retry_after: seconds that the server asked to wait; None when it did not say.
    """

    retry_after: float | None

    def __init__(self, message: str, *, retry_after: float | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after


class ServerError(APIStatusError):
    """5xx: the API failed."""


class WebhookVerificationError(PocketsflowError):
    """A webhook delivery is not signed with the secret, or is not a delivery at all."""


class ExportError(PocketsflowError):
    """An export could not be completed; finished files are whole, unfinished ones do not appear."""


class PreviewWarning(UserWarning):
    """An endpoint is used that is inferred: the documentation names it, but does not describe it."""


class SpecDriftWarning(UserWarning):
    """An answer holds a field or enum value that the spec does not know; the text is a patch to the spec.

    Or an argument is nearly one of the values that the spec knows, which looks like a slip.
    """


STATUS_ERRORS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
"""The class for each error status; 5xx is `ServerError`, any other `APIStatusError`."""
