"""What the functions of an export are given, looked at before anything is done."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import cast

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._values import shown, whole
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
    found = whole(value)
    if found is None or found < 1:
        raise InvalidArgumentError(f"{caller}: {name} must be an int of at least 1, not {shown(value)}")


def check_flag(caller: str, name: str, value: object) -> None:
    """See that it is True or False.

    Raises:
        InvalidArgumentError: it is something else.
    """
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{caller}: {name} must be True or False, not {shown(value)}")


def check_name(caller: str, name: str, value: object) -> None:
    """See that it is one name.

    Raises:
        InvalidArgumentError: it is something else.
    """
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{caller}: {name} must be one name, such as 'orders', not {shown(value)}")


def as_names(caller: str, name: str, value: object) -> tuple[str, ...]:
    """Names, each once; a str is one name.

    Raises:
        InvalidArgumentError: it is something else.
    """
    told = shown(value)
    if isinstance(value, str):
        return (value,)
    given: list[object] = [value]
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        given = [*cast("Iterable[object]", value)]
    names = dict.fromkeys(one for one in given if isinstance(one, str))
    if not all(isinstance(one, str) for one in given):
        raise InvalidArgumentError(f"{caller}: {name} must be names, such as ['orders'], not {told}")
    return tuple(names)


def as_folder(caller: str, name: str, value: object) -> Path:
    """The folder of that name.

    Raises:
        InvalidArgumentError: there can be no such folder.
    """
    told = shown(value)
    text: object = None
    if isinstance(value, str | os.PathLike):
        text = os.fspath(cast("str | os.PathLike[str]", value))
    if isinstance(text, str) and text and "\0" not in text:
        with suppress(UnicodeEncodeError):
            os.fsencode(text)
            return Path(text)
    raise InvalidArgumentError(f"{caller}: {name} must be the path of a folder, not {told}")
