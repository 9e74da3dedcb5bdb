"""What the functions of an export are given, looked at before anything is done."""

import os
from pathlib import Path

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async.errors import InvalidArgumentError


def check_client(caller: str, pf: object) -> None:
    """See that it is a client.

    Raises:
        InvalidArgumentError: it is something else.
    """
    if not isinstance(pf, Pocketsflow):
        raise InvalidArgumentError(f"{caller}: pf must be a Pocketsflow client, not {type(pf).__name__}")


def check_count(caller: str, name: str, value: object) -> None:
    """See that it is an int of at least 1.

    Raises:
        InvalidArgumentError: it is something else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidArgumentError(f"{caller}: {name} must be an int of at least 1, not {value!r}")


def as_folder(caller: str, name: str, value: object) -> Path:
    """The folder of that name.

    Raises:
        InvalidArgumentError: there can be no such folder.
    """
    try:
        text = os.fspath(value)  # type: ignore[call-overload]
        if isinstance(text, str) and text and "\0" not in text and os.fsencode(text):
            return Path(text)
    except (TypeError, ValueError):
        pass
    raise InvalidArgumentError(f"{caller}: {name} must be the path of a folder, not {value!r}")
