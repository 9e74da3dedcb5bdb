import re
from pathlib import Path

import pytest
from effort import NIGHTLY, THOROUGHLY, examples
from hypothesis import settings

# Nothing here hangs on the speed of the machine. By default a run draws the examples of the run before, so that a
# failure comes back; at night it draws new ones, and prints how to draw them again.
settings.register_profile("usual", deadline=None, derandomize=True, print_blob=False)
settings.register_profile("nightly", deadline=None, max_examples=examples(100), print_blob=True)
settings.load_profile("nightly" if NIGHTLY else "usual")


@pytest.fixture(scope="session")
def thoroughly() -> int:
    """What a test multiplies its number of rounds by: 1, or 10 where POCKETSFLOW_TESTS is `nightly`."""
    return THOROUGHLY


ONCE = {"codegen", "project", "strangers"}
"""Folders of tests that do not hang on the release of Python: tools, documents, other people's programs."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Take addresses out of ids: the processes that share the tests know them by their ids."""
    item._nodeid = re.sub(r" at 0x[0-9a-f]+", "", item._nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of these folders."""
    for item in items:
        if Path(item.path).parent.name in ONCE:
            item.add_marker(pytest.mark.once)
