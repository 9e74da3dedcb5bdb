"""What an error tells of the attempts of its call."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pocketsflow_async._redaction import redact_text
from pocketsflow_async._response import Response, request_id
from pocketsflow_async.errors import APIStatusError, APITimeoutError, Attempt, PocketsflowError


def failed(number: int, error: BaseException, *, waited: float, elapsed: float) -> Attempt:
    """An attempt that ended with this error just now."""
    status = error.status if isinstance(error, APIStatusError) else None
    return Attempt(
        number=number,
        at=datetime.now(UTC) - timedelta(seconds=elapsed),
        outcome=type(error).__name__ if status is None else str(status),
        waited=waited,
        elapsed=elapsed,
        status=status,
        request_id=error.request_id if isinstance(error, APIStatusError) else None,
    )


def of_no_use(
    response: Response, outcome: type[PocketsflowError], now: float, secrets: tuple[str, ...]
) -> tuple[Attempt, ...]:
    """Every attempt of a call whose response arrived and could not be used.

    Args:
        response: with the attempts before it.
        outcome: why.
        now: by the clock of the response's times.
        secrets: what must not show.
    """
    asked, sent, ended = response.times
    found = request_id(response.headers)
    last = Attempt(
        number=len(response.failures) + 1,
        at=datetime.now(UTC) - timedelta(seconds=now - sent),
        outcome=outcome.__name__,
        waited=sent - asked,
        elapsed=ended - sent,
        status=response.status,
        request_id=None if found is None else redact_text(found, secrets),
    )
    return (*response.failures, last)


def late(name: str, deadline: float, attempts: Sequence[Attempt], *, limited: bool = False) -> APITimeoutError:
    """The error of a call whose deadline has passed.

    Args:
        name: the operation.
        deadline: seconds.
        attempts: what was sent.
        limited: whether it waits for the rate limit.
    """
    text = f"{name}: not done within the deadline of {deadline:g} s"
    if limited and not attempts:
        text += ": all of it was spent waiting for the rate limit, and nothing was sent (pf.quota shows the wait)"
    failure = APITimeoutError(text, received=bool(attempts))
    failure.attempts = tuple(attempts)
    return failure
