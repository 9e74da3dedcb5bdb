"""What `export`, `audit` and `export_batches` are given is looked at before anything is asked or written."""

import functools
from pathlib import Path
from typing import Any

import pytest

from pocketsflow_async import ExportError, InvalidArgumentError, Pocketsflow
from pocketsflow_async.export import audit, export, export_batches
from pocketsflow_async.sandbox import Sandbox


async def later(_: object) -> None:
    """An async callback."""


class Callback:
    """An object that is called, and is async."""

    async def __call__(self, _: object) -> None:
        """Hear of the progress."""


class Path8:
    """A path that is no text."""

    def __fspath__(self) -> bytes:
        """The path."""
        return b"backup"


WRONG: list[tuple[str, Any]] = [
    *(("resources", value) for value in (5, b"orders", [None], ["orders", 5], [["orders"]], [], "", "cats", object())),
    *(("to", value) for value in (5, None, "", b"backup", "a\0b", "\ud800", Path8(), ["backup"])),
    *(("format", value) for value in (None, 5, "xml", ["jsonl"], {}, b"csv", "")),
    *(("compression", value) for value in (5, "zip", ["gzip"], b"gzip", True)),
    *(("concurrency", value) for value in ("8", 1.5, 0, -1, True, None, [8])),
    *(("since", value) for value in (5, True, "soon", "2024-13-01", b"2024-01-01", ["last"], "2024-01-01T00:00:00")),
    *(("since", value) for value in ("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00")),
    *(("until", value) for value in (5, "last", {}, 1.5)),
    *(("resume", value) for value in ("no", 0, None)),
    *(("progress", value) for value in (5, "x", later, Callback(), functools.partial(later), [])),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value).partition(" at 0x")[0][:30])
async def test_export_refuses_what_cannot_be(
    sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path, name: str, value: Any
) -> None:
    """An argument of a wrong kind is an InvalidArgumentError that names it; nothing is asked, nothing is written."""
    arguments = {"resources": ["orders"], "to": tmp_path / "x", name: value}
    with pytest.raises(InvalidArgumentError, match="resource" if name == "resources" else name):
        await export(pf, **arguments)

    assert sandbox.received == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pf", [None, 5, "pk_test_sandbox", Pocketsflow], ids=repr)
async def test_a_client_is_needed(tmp_path: Path, pf: Any) -> None:
    """What is no client is refused by each of the three."""
    with pytest.raises(InvalidArgumentError, match="pf must be a Pocketsflow client"):
        await export(pf, ["orders"], to=tmp_path)
    with pytest.raises(InvalidArgumentError, match="pf must be a Pocketsflow client"):
        export_batches(pf, "orders")
    if pf is not None:
        with pytest.raises(InvalidArgumentError, match="pf must be a Pocketsflow client"):
            await audit(tmp_path, pf)


@pytest.mark.parametrize("folder", [5, None, "", b"backup", "a\0b", "\ud800", Path8(), []])
async def test_audit_refuses_what_is_no_folder(folder: Any) -> None:
    """What cannot be a path is an InvalidArgumentError."""
    with pytest.raises(InvalidArgumentError, match="folder must be the path of a folder"):
        await audit(folder)


@pytest.mark.parametrize("name", ["x" * 300, "file", "file/below", "nowhere", "loop"])
async def test_audit_of_what_is_no_export_is_an_error_of_ours(tmp_path: Path, name: str) -> None:
    """A file, a link to itself, a name that is too long or nothing at all: an ExportError."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ExportError):
        await audit(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("resource", value) for value in (["orders", "customers"], None, 5, b"orders", "cats", "")),
        *(("batch_size", value) for value in ("8", 1.5, 0, True, None)),
        *(("concurrency", value) for value in ("8", 1.5, 0, True, None)),
        *(("since", value) for value in (5, "soon", "last")),
        *(("until", value) for value in (5, "soon")),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_export_batches_refuses_what_cannot_be(sandbox: Sandbox, pf: Pocketsflow, name: str, value: Any) -> None:
    """An argument of a wrong kind is an error of the call itself, before the first batch is asked for."""
    arguments = {"resource": "orders", name: value}
    with pytest.raises(InvalidArgumentError, match="one name|no such resource" if name == "resource" else name):
        export_batches(pf, **arguments)

    assert sandbox.received == 0


async def test_one_name_is_one_resource(pf: Pocketsflow, tmp_path: Path) -> None:
    """`export(pf, "orders")` exports orders, and any iterable of names does."""
    for number, resources in enumerate(("products", ("products",), {"products": 1}, iter(["products", "products"]))):
        report = await export(pf, resources, to=tmp_path / str(number))
        assert [one.resource for one in report.resources] == ["products"]


async def test_an_async_callback_in_disguise_is_refused(
    pf: Pocketsflow, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """A plain function that gives a coroutine is an error with the first report, not a warning at the end."""
    with pytest.raises(InvalidArgumentError, match="progress must be a plain function"):
        await export(pf, ["products"], to=tmp_path, progress=lambda told: later(told))  # noqa: PLW0108

    assert list(recwarn) == []
