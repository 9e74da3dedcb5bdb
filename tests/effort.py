"""How much work the tests do: enough for every change by default, more of it at night."""

import os

NIGHTLY = os.environ.get("POCKETSFLOW_TESTS") == "nightly"
THOROUGHLY = 10 if NIGHTLY else 1
"""What the number of made-up examples, rounds or records is multiplied by."""


def examples(usual: int) -> int:
    """The `max_examples` of a test that needs another number than hypothesis's own 100."""
    return usual * THOROUGHLY
