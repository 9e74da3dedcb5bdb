import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from effort import examples
from hypothesis import given, settings
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
@pytest.mark.parametrize("summed", [True, False])
def test_the_checksum_is_that_of_the_file(tmp_path: Path, summed: bool, stops: tuple[int, ...]) -> None:
    """Worked out on the way or from the file, after a stop or without one: it is the file's own."""
    written = 0
    for stop in (*stops, len(PAGES)):
        with Spool(tmp_path, "orders", summed=summed) as spool:
            for lines, ids in PAGES[written:stop]:
                spool.add(lines, ids)
            spool.commit({"next": stop})
            written = stop
            told = spool.digest()

    content = (tmp_path / "orders.lines").read_bytes()
    assert told == spool.digest() == (len(content), hashlib.sha256(content).hexdigest())
