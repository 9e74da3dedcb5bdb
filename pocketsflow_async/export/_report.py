"""What an export tells while it runs and when it is done."""

from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from pocketsflow_async._quota import QuotaState


@attrs.frozen
class ExportProgress:
    """How far the export of one resource has come.

    Attributes:
        records: how many are on disk or on their way to it, those of an interrupted run included.
        expected: the number of records that the API announced; None where it does not say.
        done: True in the last report of a resource, when its file stands.
        quota: the client's quota at that moment; None for a client without one.
    """

    resource: str
    records: int
    pages: int
    expected: int | None
    done: bool
    quota: QuotaState | None = None


@attrs.frozen
class ResourceReport:
    """What the export of one resource did.

    Attributes:
        path: the finished file.
        records: records in it.
        expected: how many the API announced at the end; None where it says nothing.
        duplicates: records that were read more than once and stand in the file once.
        gaps: records that had moved towards the front while the list was read, and were found all the same.
        passes: how often the list was read from one end to the other.
        complete: whether every record of the window is certainly there.
        notes: what cannot be guaranteed, a sentence each.
        pages: pages read, those of an interrupted run included.
        requests: requests sent, repeated ones included.
        throttled: answers of status 429 among them.
        resumed: whether an interrupted run was continued.
    """

    resource: str
    path: Path
    records: int
    expected: int | None = None
    duplicates: int = 0
    gaps: int = 0
    passes: int = 1
    complete: bool = True
    notes: tuple[str, ...] = ()
    pages: int = 0
    requests: int = 0
    throttled: int = 0
    resumed: bool = False
    seconds: float = 0.0


@attrs.frozen
class ExportReport:
    """What an export did, resource by resource.

    Attributes:
        manifest: the file that describes the export.
    """

    resources: tuple[ResourceReport, ...]
    seconds: float
    manifest: Path

    @property
    def complete(self) -> bool:
        """Whether every record of the window is certainly there, of every resource."""
        return all(one.complete for one in self.resources)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data that JSON can hold."""
        return {"complete": self.complete, **attrs.asdict(self, value_serializer=_plain)}


@attrs.frozen
class Difference:
    """One thing that an audit found.

    Attributes:
        resource: which one; empty for the manifest itself.
        text: what differs, in one sentence.
        ids: records that it is about, the first 100.
    """

    resource: str
    text: str
    ids: tuple[str, ...] = ()


@attrs.frozen
class AuditReport:
    """What an audit found.

    Attributes:
        resources: how many were looked at.
        records: how many records their files hold.
        differences: what is not as it should be; empty when all is well.
        notes: what could not be checked, or changed since the export as it may.
    """

    folder: Path
    resources: int
    records: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data that JSON can hold."""
        return {"sound": self.sound, **attrs.asdict(self, value_serializer=_plain)}


def _plain(_: Any, __: Any, value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
