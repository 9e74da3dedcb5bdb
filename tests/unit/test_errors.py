import copy
from datetime import UTC, datetime

import attrs
import pytest
from fakes import pickled

import pocketsflow_async
from pocketsflow_async import errors
from pocketsflow_async.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    ConfigurationError,
    ExportError,
    InvalidArgumentError,
    NotFoundError,
    PocketsflowError,
    RateLimitError,
    WebhookVerificationError,
)

TREE = {
    "PocketsflowError": "Exception",
    "ConfigurationError": "PocketsflowError",
    "InvalidArgumentError": "PocketsflowError",
    "APIConnectionError": "PocketsflowError",
    "APITimeoutError": "APIConnectionError",
    "APIResponseError": "PocketsflowError",
    "APIStatusError": "PocketsflowError",
    "BadRequestError": "APIStatusError",
    "AuthenticationError": "APIStatusError",
    "PermissionDeniedError": "APIStatusError",
    "NotFoundError": "APIStatusError",
    "ConflictError": "APIStatusError",
    "UnprocessableEntityError": "APIStatusError",
    "RateLimitError": "APIStatusError",
    "ServerError": "APIStatusError",
    "WebhookVerificationError": "PocketsflowError",
    "ExportError": "PocketsflowError",
}

AT = datetime(2026, 1, 1, tzinfo=UTC)
ATTEMPTS = (Attempt(1, AT, "503", 0.5, 1.5, 503, "req_1"), Attempt(2, AT, "APITimeoutError", 0.0, 30.0))


def all_classes() -> list[type[PocketsflowError]]:
    """Every class of the tree."""
    return [getattr(errors, name) for name in TREE]


def example(kind: type[PocketsflowError]) -> PocketsflowError:
    """An error of this class with all its fields set."""
    if issubclass(kind, APIStatusError):
        fields = {"status": 418, "code": "TEA", "request_id": "req_1", "headers": {"a": "b"}, "body": {"x": [1]}}
        error = kind("no", **fields, **({"retry_after": 1.5} if kind is RateLimitError else {}))
    elif issubclass(kind, APIConnectionError):
        error = kind("no", received=False)
    elif kind is APIResponseError:
        error = kind("no", path="$.a", status=201, body=b"{}")
    else:
        error = kind("no")
    error.attempts = ATTEMPTS
    return error


def test_the_tree_is_as_documented():
    """Each class stands where the documentation puts it, and there are no others."""
    found = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, Warning)
    }

    assert found == TREE
    assert all(getattr(pocketsflow_async, name) is getattr(errors, name) for name in TREE)


def test_the_docstring_draws_the_tree():
    """The drawing in the module's docstring has every class once."""
    drawn = [line.strip("│├└─ ").split()[0] for line in errors.__doc__.splitlines() if "Error" in line]

    assert [name for name in drawn if name in TREE] == list(TREE)


def test_a_wrong_argument_is_a_value_error_too():
    """Who catches ValueError gets it as well."""
    assert issubclass(InvalidArgumentError, ValueError)


@pytest.mark.parametrize("kind", all_classes())
@pytest.mark.parametrize("duplicate", [pickled, copy.deepcopy, copy.copy])
def test_errors_are_copied_with_all_fields(kind, duplicate):
    """A pickle or a copy of an error has the same class, text and fields."""
    error = example(kind)
    error.add_note("seen in Bremen")

    found = duplicate(error)

    assert type(found) is kind
    assert vars(found) == vars(error)
    assert (str(found), found.args) == (str(error), error.args)
    assert found.attempts == ATTEMPTS


@pytest.mark.parametrize("kind", all_classes())
def test_errors_begin_without_attempts(kind):
    """An error that no call led to has an empty timeline."""
    error = kind("no", status=404) if issubclass(kind, APIStatusError) else kind("no")

    assert error.attempts == ()
    assert error.message == "no"


def test_texts_say_what_is_known():
    """The text of a status error begins with the status and ends with the request's id."""
    assert str(example(NotFoundError)) == "418 TEA: no (request req_1)"
    assert str(NotFoundError("no", status=404)) == "404: no"
    assert repr(example(NotFoundError)) == "NotFoundError('no')"
    assert [str(kind("no")) for kind in (ConfigurationError, ExportError, WebhookVerificationError)] == ["no"] * 3


def test_a_timeout_is_a_connection_error():
    """By default nobody knows whether the request arrived."""
    assert APITimeoutError("slow").received
    assert not APIConnectionError("refused", received=False).received


def test_attempts_are_frozen():
    """The timeline is a record of what was."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ATTEMPTS[0].outcome = "200"
