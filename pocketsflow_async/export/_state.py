"""Where the reading of a list stands, and what is known of it."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Literal

import attrs
import msgspec

from pocketsflow_async.export._duplicates import Apart
from pocketsflow_async.export._source import Read


def _apart(told: Apart | dict[str, Any]) -> Apart:
    return told if isinstance(told, Apart) else Apart(**told)


@attrs.define(on_setattr=attrs.setters.NO_OP)
class State:
    """Where a walk stands; a commit keeps it.

    Attributes:
        phase: `walk` reads forwards, `prove` looks whether all is well, `again` reads backwards.
        next: how many records lie in front of the page that follows, and `furthest`: how many ever did.
        left: while reading backwards, how many pages are still to be read; -1 where a reading begins.
        total: what the last page but one told.
        expected: what the last answer told.
        size: of the largest page that may be asked for, and `largest`: that came.
        end: where the window was closed, as ISO text.
        closed: whether the API keeps to that.
        newest: a moment after the youngest record, as ISO text.
        began: when the first page was sent by the server's clock, likewise.
        passes: how often the list was read.
        linked: whether the pages are a chain.
        plain: whether each page that was read is one of the largest size that meets its neighbours.
        shifted: whether records came or went while the list was read.
        tied: whether records of the same time stand where two pages overlap.
        moved: whether records changed their order.
        odd: whether the API contradicted itself.
        short: whether the API announced more than it gave.
        endless: whether the list was given up, because it went on and on.
        settled: whether it is certain that nothing is missing.
        gaps: records that had moved towards the front, and were found all the same.
        nameless: records without an id.
        digest: of the pages of this reading; `before`: of the reading before.
        found: records of this reading.
        counted: whether as many different records came as the API announced.
        different: the records that are certainly different from each other.
    """

    phase: Literal["walk", "prove", "again", "done"] = "walk"
    next: int = 0
    furthest: int = 0
    total: int | None = None
    expected: int | None = None
    size: int = 0
    largest: int = 0
    left: int = -1
    end: str | None = None
    closed: bool = False
    newest: str | None = None
    began: str | None = None
    passes: int = 1
    linked: bool = True
    plain: bool = True
    shifted: bool = False
    tied: bool = False
    moved: bool = False
    odd: bool = False
    short: bool = False
    endless: bool = False
    settled: bool = True
    counted: bool = False
    rising: bool = False
    empty: int = 0
    gaps: int = 0
    nameless: int = 0
    digest: int = 0
    before: int | None = None
    found: int = 0
    pages: int = 0
    requests: int = 0
    throttled: int = 0
    different: Apart = attrs.field(factory=Apart, converter=_apart)

    @property
    def complete(self) -> bool:
        """Whether every record that was there all the time was certainly read."""
        confirmed = self.counted and not self.shifted  # else what came in may make up for what is missing
        return self.settled and not (self.short or self.endless) and (confirmed or not self.odd)

    def count(self, read: Read) -> None:
        """Count a page that was read."""
        self.pages += 1
        self.requests += read.requests
        self.throttled += read.throttled
        if read.total is not None:
            self.expected = read.total

    def collect(self, read: Read) -> None:
        """Add a page to the digest of this reading, in which the order of the pages does not count."""
        if read.ids:
            page = sha256(msgspec.json.encode((read.start, read.ids))).digest()
            self.digest = (self.digest + int.from_bytes(page[:7])) % 2**56

    def notes(self, name: str) -> Iterator[str]:
        """What cannot be guaranteed of a list, a sentence each."""
        if self.short:
            yield f"{name}: the API announced {self.expected} records and returned fewer: some cannot be read"
        if self.endless:
            yield (
                f"{name}: the list was not read to its end after {self.pages} pages: the API repeats records, or they "
                "came in as fast as they were read"
            )
        elif not (self.settled or self.short):
            yield (
                f"{name}: records came, went or changed places while the list was read {self.passes} times: "
                "one that was there all the time may be missing"
            )
        if self.odd:
            yield f"{name}: the API contradicted itself about how many pages there are"
        if self.nameless:
            yield f"{name}: {self.nameless} records have no id: nothing tells whether one of them is in the file twice"
