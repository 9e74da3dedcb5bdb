from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketsflow_async.export import _duplicates
from pocketsflow_async.export._duplicates import Apart, find_duplicates

PAGES = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.one_of(st.none(), st.sampled_from("abcdefghij")), max_size=6)), max_size=12
)


@pytest.mark.parametrize("in_memory", [3, 20_000], ids=["many buckets", "one bucket"])
@settings(deadline=None)
@given(pages=PAGES)
def test_of_every_record_the_copy_read_last_stays(
    tmp_path_factory: pytest.TempPathFactory, in_memory: int, pages: list[tuple[int, list[str | None]]]
) -> None:
    """Each id stays once, at its last place; records without an id all stay; what a later reading found is counted."""
    flat = [(found, name) for found, ids in pages for name in ids]
    last = {name: line for line, (_, name) in enumerate(flat) if name is not None}
    first: dict[str, int] = {}
    for found, name in flat:
        if name is not None:
            first.setdefault(name, found)
    before, _duplicates._IN_MEMORY = _duplicates._IN_MEMORY, in_memory
    try:
        drop = find_duplicates(pages, len(flat), tmp_path_factory.mktemp("scratch") / "buckets")
    finally:
        _duplicates._IN_MEMORY = before

    assert [line for line in range(len(flat)) if line not in drop] == [
        line for line, (_, name) in enumerate(flat) if name is None or last[name] == line
    ]
    assert drop.count == len([name for _, name in flat if name is not None]) - len(last)
    assert {found: count for found, count in drop.found.items() if count} == {
        found: list(first.values()).count(found) for found in set(first.values())
    }


def apart(pages: list[tuple[int, list[str | None]]]) -> int:
    """How many records of these pages are certainly different."""
    seen = Apart()
    for _, ids in pages:
        seen.add({name for name in ids if name is not None}, len(ids))
    return seen.count


@settings(deadline=None)
@given(pages=PAGES)
def test_what_is_counted_as_different_is_different(pages: list[tuple[int, list[str | None]]]) -> None:
    """Where all records are counted as they come in, none stands twice; ranges of ids in order are counted whole."""
    names = [name for _, ids in pages for name in ids]

    assert apart(pages) < len(names) or len(names) == len(set(names))
    for order in (1, -1):
        ranged = [(0, [f"{number:04}" for number in range(start, start + 9)][::order]) for start in range(0, 90, 9)]
        assert apart(ranged[::order]) == 90
        assert apart([*ranged[::order], ranged[4]]) == 90


def test_the_buckets_are_taken_away(tmp_path: Path) -> None:
    """No trace of the search stays on the disk."""
    pages = [(0, [str(number % 30_000) for number in range(start, start + 100)]) for start in range(0, 60_000, 100)]

    assert find_duplicates(pages, 60_000, tmp_path / "buckets").count == 30_000
    assert list(tmp_path.iterdir()) == []
