"""How large the pages of a list may be, as the spec says it."""

from typing import Any

SIZES = {"page": "pageSize", "offset": "limit", "body-page": "pageSize"}
"""What asks for the size of a page, in each style."""

_UNTOLD = 100


def largest(schema: dict[str, Any]) -> int:
    """The most records that may be asked for at once; 100 where the spec does not say."""
    limits = [schema["maximum"]] if "maximum" in schema else []
    if "exclusiveMaximum" in schema:
        limits.append(schema["exclusiveMaximum"] - 1)
    return min(limits, default=_UNTOLD)
