import errno
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import IO, Any
from zlib import crc32

import msgspec
import pytest
from effort import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pocketsflow_async import ExportError
from pocketsflow_async.export._spool import Spool

PAGES = [(b'{"_id":"%d"}\n' % page * 3, [f"{page}", None, f"{page}b"]) for page in range(12)]


def fill(folder: Path, start: int = 0) -> None:
    """Write the pages from one on, as a walk would: a commit after every second page."""
    with Spool(folder, "orders") as spool:
        begin = spool.state["next"] if spool.state else start
        for number in range(begin, len(PAGES)):
            spool.add(*PAGES[number], found=number % 2)
            if number % 2:
                spool.commit({"next": number + 1})
        spool.commit({"next": len(PAGES)})


def content(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "orders.lines").read_bytes(), (folder / "orders.ids").read_bytes()


@settings(deadline=None, max_examples=examples(60))  # the disk may be slow
@given(cuts=st.dictionaries(st.sampled_from(["lines", "ids", "journal"]), st.integers(0, 1000), max_size=3))
def test_cut_anywhere_it_goes_on_to_the_same_end(cuts: dict[str, int]) -> None:
    """Whatever a crash cut off from any of the files, what is read again makes them what they were."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        whole = content(folder)
        for suffix, size in cuts.items():
            path = folder / f"orders.{suffix}"
            os.truncate(path, min(size, path.stat().st_size))
        fill(folder)

        assert content(folder) == whole


@settings(deadline=None, max_examples=examples(60))  # the disk may be slow
@given(place=st.integers(0, 10_000), byte=st.binary(min_size=1, max_size=1))
def test_a_spoiled_journal_is_never_believed(place: int, byte: bytes) -> None:
    """A journal with a wrong byte anywhere counts up to the line before it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        whole = content(folder)
        path = folder / "orders.journal"
        text = bytearray(path.read_bytes())
        text[place % len(text)] = byte[0]
        path.write_bytes(text)
        fill(folder)

        assert content(folder) == whole


def test_what_was_not_committed_is_cut_off(tmp_path: Path) -> None:
    """Pages after the last commit are read again: nothing of them stays."""
    with Spool(tmp_path, "orders") as spool:
        spool.add(*PAGES[0])
        spool.commit({"next": 1})
        spool.add(*PAGES[1])
    with Spool(tmp_path, "orders") as spool:
        assert (spool.state, spool.records) == ({"next": 1}, 3)
        assert [ids for _, ids in spool.pages()] == [PAGES[0][1]]
        assert spool.last_ids(5) == [PAGES[0][1]]


def test_a_commit_is_due_after_half_a_second(tmp_path: Path) -> None:
    """Commits come by the clock, not with every page."""
    now = [0.0]
    with Spool(tmp_path, "orders", clock=lambda: now[0]) as spool:
        assert not spool.due
        now[0] = 0.5
        assert spool.due
        spool.commit({})
        assert not spool.due


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk refuses is an ExportError that says what to do."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with Spool(tmp_path, "orders") as spool:
        spool.add(*PAGES[0])
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ExportError, match=r"orders\.lines cannot be written: the disk is full: make room"):
            spool.commit({})


@pytest.mark.parametrize("stops", [(), (5,), (2, 7)], ids=["in one go", "resumed", "resumed twice"])
def test_what_is_there_is_compared_with_what_was_put_in(tmp_path: Path, stops: tuple[int, ...]) -> None:
    """After a stop or without one, the files are checked as a whole, and their checksum is the file's own."""
    written = 0
    for stop in (*stops, len(PAGES)):
        with Spool(tmp_path, "orders") as spool:
            for lines, ids in PAGES[written:stop]:
                spool.add(lines, ids)
            spool.commit({"next": stop})
            written = stop
    content = (tmp_path / "orders.lines").read_bytes()

    assert spool.checked() == (len(content), hashlib.sha256(content).hexdigest())


@settings(deadline=None, max_examples=examples(40))  # the disk may be slow
@given(suffix=st.sampled_from(["lines", "ids"]), place=st.integers(0, 10_000), byte=st.binary(max_size=1))
def test_what_was_damaged_is_never_published(suffix: str, place: int, byte: bytes) -> None:
    """A byte of the records or the ids that was changed or lost after the commit is an error that names the file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        path = folder / f"orders.{suffix}"
        content = path.read_bytes()
        place %= len(content)
        damaged = content[:place] + byte + content[place + 1 :]
        assume(damaged != content)
        spool = Spool(folder, "orders")
        path.write_bytes(damaged)

        with spool, pytest.raises(ExportError, match=rf"orders\.{suffix} must hold what was fetched"):
            spool.checked()


class Failing:
    """A file on which one write, after a few that succeed, puts only a part of its bytes on the disk."""

    def __init__(self, file: IO[bytes], left: int, kept: int, *, silent: bool) -> None:
        self._file = file
        self._left = left
        self._kept = kept
        self._silent = silent

    def write(self, content: bytes) -> int:
        self._left -= 1
        if self._left == -1:
            self._file.write(content[: self._kept])
            if self._silent:
                return len(content)
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@settings(deadline=None, max_examples=examples(40))  # the disk may be slow
@given(
    suffix=st.sampled_from(["lines", "ids", "journal"]),
    left=st.integers(0, 11),
    kept=st.integers(0, 60),
    silent=st.booleans(),
)
def test_a_write_that_fails_ends_the_spool(suffix: str, left: int, kept: int, silent: bool) -> None:
    """Whatever part of a write reached the disk, and even if nobody says so: the next run makes it whole."""
    with tempfile.TemporaryDirectory() as name:
        with Spool(Path(name), "orders") as spool:
            setattr(spool, f"_{suffix}", Failing(getattr(spool, f"_{suffix}"), left, kept, silent=silent))
            for number, (lines, ids) in enumerate(PAGES):
                try:
                    spool.add(lines, ids, found=number % 2)
                    if number % 2:
                        spool.commit({"next": number + 1})
                except ExportError:
                    break
            else:
                assume(silent or suffix == "journal")  # an entry of the journal that is not whole is not believed
                number = None
            for _ in range(2 if number is not None else 0):
                with pytest.raises(ExportError, match="could not be written before: run the same export again"):
                    spool.commit({"next": number})
                with pytest.raises(ExportError):
                    spool.add(*PAGES[0])
        fill(Path(name))

        written = [msgspec.json.encode((number % 2, ids)) + b"\n" for number, (_, ids) in enumerate(PAGES)]
        assert content(Path(name)) == (b"".join(lines for lines, _ in PAGES), b"".join(written))


@pytest.mark.parametrize(
    "state", [{"lines": -1}, {"records": 10**30}, {"records": 10**6}, {"state": 5}, {"ids_sum": "x"}]
)
def test_a_commit_that_cannot_be_is_not_believed(tmp_path: Path, state: dict[str, object]) -> None:
    """An entry of the journal with a right checksum and wrong content counts as none."""
    fill(tmp_path)
    path = tmp_path / "orders.journal"
    last = path.read_bytes().splitlines()[-1].partition(b" ")[2]
    entry = json.dumps(json.loads(last) | state).encode()
    path.write_bytes(b"%08x %b\n" % (crc32(entry), entry))

    with Spool(tmp_path, "orders") as spool:
        assert (spool.state, spool.records) == (None, 0)


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX")
@pytest.mark.parametrize("suffix", ["lines", "ids", "journal"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "hard link"])
def test_files_are_nothing_else(tmp_path: Path, suffix: str, kind: str) -> None:
    """What is no file is refused without waiting; a file with a second name is left alone, and copied."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept")
    path = tmp_path / "work" / f"orders.{suffix}"
    path.parent.mkdir()
    {
        "link": path.symlink_to,
        "pipe": lambda _: os.mkfifo(path),
        "folder": lambda _: path.mkdir(),
        "hard link": path.hardlink_to,
    }[kind](elsewhere)
    if kind == "hard link":
        fill(path.parent)
    else:
        with pytest.raises(ExportError, match=rf"orders\.{suffix} must be a regular file"):
            Spool(path.parent, "orders")

    assert elsewhere.read_text() == "kept"


def test_a_journal_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    """A journal that is one endless line, as a sparse file can be, counts up to there."""
    with (tmp_path / "orders.journal").open("wb") as file:
        file.truncate(2**36)

    with Spool(tmp_path, "orders") as spool:
        assert spool.state is None
    assert (tmp_path / "orders.journal").stat().st_size == 0
