"""The manifest: what an export is, and what is in each of its files."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec

from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async.errors import ExportError
from pocketsflow_async.export._files import disk, read_small, write_whole
from pocketsflow_async.export._formats import FORMATS

NAME = "manifest.json"
_FORMAT = 1
LARGEST = 16 * 1024 * 1024
"""Bytes that a manifest or a plan can have."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Options(msgspec.Struct, frozen=True):
    """What was asked for, as far as it decides what the files hold."""

    format: str
    compression: str | None = None
    since: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        kind = FORMATS.get(self.format)
        if kind is None or self.compression not in {None, *kind.compressions}:
            raise ValueError(f"no such format: {self.format}, {self.compression}")


class Spec(msgspec.Struct, frozen=True):
    """The description of the API that this tool was made from."""

    version: str
    sha256: str


class Window(msgspec.Struct, frozen=True):
    """A span of time, as ISO texts."""

    since: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        check_times(self.since, self.until)


class Content(msgspec.Struct, frozen=True):
    """A file, below the folder of the manifest."""

    file: str
    bytes: Count
    sha256: str


class Entry(msgspec.Struct, frozen=True):
    """What one resource has.

    Attributes:
        raw: each record as the server sent it, where the file itself does not hold that.
        newest: the window's end by the server's clock; an incremental export begins a little before.
    """

    file: str
    bytes: Count
    sha256: str
    records: Count
    expected: Count | None
    duplicates: Count
    gaps: Count
    passes: Count
    notes: tuple[str, ...]
    window: Window
    newest: str | None
    started: str
    finished: str
    raw: Content | None = None

    def __post_init__(self) -> None:
        check_times(self.newest, self.started, self.finished)

    def contents(self) -> Iterator[Content]:
        """Its files."""
        yield Content(self.file, self.bytes, self.sha256)
        if self.raw is not None:
            yield self.raw


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

    def __post_init__(self) -> None:
        check_times(self.options.since, self.options.until)
        check_resources(self.resources)
        kind = FORMATS[self.options.format]
        for name, entry in self.resources.items():
            names = [content.file for content in entry.contents()]
            known = [kind.file(name, self.options.compression), kind.raw_file(name)]
            if names != [file for file in known if file is not None]:
                raise ValueError(f"the files of {name} must be {' and '.join(filter(None, known))}, not {names}")

    def contents(self) -> Iterator[Content]:
        """All files."""
        for entry in self.resources.values():
            yield from entry.contents()

    def write(self, folder: Path, *, work: Path | None = None) -> Path:
        """Put it in its place, whole or not at all; it grows in the work folder, if there is one."""
        path = folder / NAME
        with disk(path):
            write_whole(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n", work=work)
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
    text = read_small(path, LARGEST)
    if text is None:
        return None
    try:
        if msgspec.json.decode(text, type=_Version).format_version > _FORMAT:
            raise ExportError(f"export: {path} was written by a newer version of this tool: update it")
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ExportError(
            f"export: {path} is no manifest of an export ({exc}): choose another folder, or remove that file"
        ) from None


class _Version(msgspec.Struct):
    format_version: int


def check_resources(names: Iterable[str]) -> None:
    """See that all are resources of the API.

    Raises:
        ValueError: one is not.
    """
    for name in names:
        if name not in LISTS:
            raise ValueError(f"no such resource: {name}")


def check_times(*texts: str | None) -> None:
    """See that all are times that can be calculated with.

    Raises:
        ValueError: one is not.
    """
    for text in texts:
        try:
            known = text is None or dt.datetime.fromisoformat(text).tzinfo is not None
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"no time with an offset: {text}")


@cache
def spec() -> Spec:
    """The spec that this tool was made from."""
    text = files("pocketsflow_async._generated.pocketsflow").joinpath("openapi.json").read_bytes()
    return Spec(str(msgspec.json.decode(text)["info"]["version"]), hashlib.sha256(text).hexdigest())
