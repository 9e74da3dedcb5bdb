"""One difference between our spec and the vendor's document, and the collection of them."""

from collections.abc import Iterator

import attrs


@attrs.frozen
class Finding:
    """One difference.

    Attributes:
        kind: which difference it is; the report has a part for each.
        where: an endpoint, a parameter, or a field, such as `Order.total`.
        side: request or answer; empty for endpoints.
        here: what our spec says.
        there: what the vendor's document says.
    """

    kind: str
    where: str
    side: str = ""
    here: str = ""
    there: str = ""


class Findings:
    """The differences, each kept once, with the endpoints where it shows."""

    def __init__(self) -> None:
        self._found: dict[Finding, dict[str, None]] = {}

    def add(self, finding: Finding, endpoint: str) -> None:
        """Keep a difference."""
        self._found.setdefault(finding, {})[endpoint] = None

    def __iter__(self) -> Iterator[tuple[Finding, tuple[str, ...]]]:
        return iter([(finding, tuple(endpoints)) for finding, endpoints in self._found.items()])

    def __len__(self) -> int:
        return len(self._found)
