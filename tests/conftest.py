import os
from pathlib import Path

import pytest
from effort import NIGHTLY, THOROUGHLY, examples
from hypothesis import settings

# Nothing here hangs on the speed of the machine. By default a run draws the examples of the run before, so that a
# failure comes back; at night it draws new ones, and prints how to draw them again.
settings.register_profile("usual", deadline=None, derandomize=True, print_blob=False)
settings.register_profile("nightly", deadline=None, max_examples=examples(100), print_blob=True)
settings.load_profile("nightly" if NIGHTLY else "usual")


if "PYTEST_XDIST_WORKER" in os.environ:
    # Coverage measures the processes that share the tests; what the tests start is left as it is for users.
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(scope="session")
def thoroughly() -> int:
    """What a test multiplies its number of rounds by: 1, or 10 where POCKETSFLOW_TESTS is `nightly`."""
    return THOROUGHLY


ONCE = {"codegen", "project", "strangers"}
"""Folders of tests that do not hang on the release of Python: tools, documents, other people's programs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of these folders, and refuse ids that differ from run to run: processes share tests by them."""
    for item in items:
        if Path(item.path).parent.name in ONCE:
            item.add_marker(pytest.mark.once)
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: this id has an address in it: write pytest.param(…, id=…)")
