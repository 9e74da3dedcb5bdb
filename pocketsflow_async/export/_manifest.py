"""The manifest: what an export is, and what is in each of its files."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from pocketsflow_async.errors import ExportError
from pocketsflow_async.export._files import disk, write_whole

NAME = "manifest.json"
_FORMAT = 1


class Options(msgspec.Struct, frozen=True):
    """What was asked for, as far as it decides what the files hold."""

    format: str
    compression: str | None = None
    since: str | None = None
    until: str | None = None


class Spec(msgspec.Struct, frozen=True):
    """The description of the API that this tool was made from."""

    version: str
    sha256: str


class Window(msgspec.Struct, frozen=True):
    """A span of time, as ISO texts."""

    since: str | None = None
    until: str | None = None


class Content(msgspec.Struct, frozen=True):
    """A file, below the folder of the manifest."""

    file: str
    bytes: int
    sha256: str


class Entry(msgspec.Struct, frozen=True):
    """What one resource has.

    Attributes:
        raw: each record as the server sent it, where the file itself does not hold that.
        newest: the window's end by the server's clock; an incremental export begins a little before.
    """

    file: str
    bytes: int
    sha256: str
    records: int
    expected: int | None
    duplicates: int
    gaps: int
    passes: int
    notes: tuple[str, ...]
    window: Window
    newest: str | None
    started: str
    finished: str
    raw: Content | None = None


class Manifest(msgspec.Struct, frozen=True):
    """A finished export.

    Attributes:
        account: the id of the account that was read; None where the API does not tell.
    """

    format_version: int
    tool_version: str
    spec: Spec
    base_url: str
    account: str | None
    options: Options
    window: Window
    resources: dict[str, Entry]

    def write(self, folder: Path) -> Path:
        """Put it in its place, whole or not at all."""
        path = folder / NAME
        with disk(path):
            write_whole(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        return path


def new_manifest(**fields: Any) -> Manifest:
    """A manifest by this version of the tool."""
    return Manifest(format_version=_FORMAT, tool_version=version("pocketsflow-async"), spec=spec(), **fields)


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none.

    Raises:
        ExportError: it cannot be read, or a newer version of the tool wrote it.
    """
    path = folder / NAME
    with disk(path, "read"):
        try:
            text = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        found = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ExportError(
            f"export: {path} is no manifest of an export ({exc}): choose another folder, or remove that file"
        ) from None
    if found.format_version > _FORMAT:
        raise ExportError(f"export: {path} was written by a newer version of this tool: update it")
    return found


@cache
def spec() -> Spec:
    """The spec that this tool was made from."""
    text = files("pocketsflow_async._generated.pocketsflow").joinpath("openapi.json").read_bytes()
    return Spec(str(msgspec.json.decode(text)["info"]["version"]), hashlib.sha256(text).hexdigest())
