"""What an export is going to do, checked before anything is asked or written, and kept until it is done."""

import datetime as dt
from pathlib import Path

import msgspec

from pocketsflow_async._values import shown
from pocketsflow_async.errors import ExportError, InvalidArgumentError
from pocketsflow_async.export._files import disk, read_small, write_whole
from pocketsflow_async.export._formats import FORMATS
from pocketsflow_async.export._manifest import LARGEST, Manifest, Options, Window, check_resources, check_times

LAST = "last"
_OVERLAP = dt.timedelta(days=1)
"""How far an incremental export looks behind the end of the one before, for rows that came late."""


class Plan(msgspec.Struct, frozen=True):
    """An export that is not finished.

    Attributes:
        resources: in the order in which they were asked for.
        since: as it was asked for, which may be `last`.
        windows: of each resource.
        started: ISO text.
    """

    base_url: str
    account: str | None
    resources: tuple[str, ...]
    options: Options
    since: str | None
    windows: dict[str, Window]
    started: str

    def __post_init__(self) -> None:
        check_times(self.started)
        check_resources(self.resources)
        if set(self.windows) != set(self.resources):
            raise ValueError("each resource must have a window")
        if self.since != LAST:
            whole = Window(self.options.since, self.options.until)
            if any(window != whole for window in self.windows.values()):
                raise ValueError(f"each window must be that of the export, {whole}")

    def write(self, work: Path) -> None:
        """Keep it with the pages."""
        with disk(work):
            write_whole(work / "plan.json", msgspec.json.encode(self))


def read_plan(work: Path) -> Plan | None:
    """The plan of an interrupted export, if there is one.

    Raises:
        ExportError: there is something else of that name, or it is damaged.
    """
    path = work / "plan.json"
    text = read_small(path, LARGEST)
    try:
        return None if text is None else msgspec.json.decode(text, type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ExportError(
            f"export: {path} must be the plan of an unfinished export, but is damaged ({exc}): "
            "begin anew with resume=False (--no-resume)"
        ) from None


def make_plan(
    resources: tuple[str, ...], options: Options, *, base_url: str, account: str | None, old: Manifest | None
) -> Plan:
    """The plan of a new export; an incremental one takes its windows from the manifest of the one before."""
    since = options.since
    windows = {name: Window(None if since == LAST else since, options.until) for name in resources}
    if since == LAST and old is not None:
        options = msgspec.structs.replace(options, since=old.options.since, until=old.options.until)
        for name in resources:
            newest = old.resources[name].newest if name in old.resources else None
            start = None if newest is None else _before(newest)
            windows[name] = Window(start, windows[name].until)
    started = dt.datetime.now(dt.UTC).isoformat()
    return Plan(base_url, account, resources, options, since, windows, started)


def _before(newest: str) -> str | None:
    try:
        return (dt.datetime.fromisoformat(newest) - _OVERLAP).isoformat()
    except OverflowError:  # from the first day of the calendar: everything
        return None


def check_same(plan: Plan, found: Plan, folder: Path) -> None:
    """Refuse to go on with an export that was begun in another way.

    Raises:
        ExportError: says what differs.
    """
    for what, ours, theirs in (
        _account(plan, found),
        ("resources", ", ".join(plan.resources), ", ".join(found.resources)),
        ("since", plan.since, found.since),
        *((name, getattr(plan.options, name), getattr(found.options, name)) for name in ("format", "compression")),
        ("until", plan.options.until, found.options.until),
    ):
        if ours != theirs:
            raise ExportError(
                f"export: {folder} holds an unfinished export with another {what} "
                f"({_told(theirs)}, not {_told(ours)}): finish it with the same options, "
                "or drop it and begin anew with resume=False (--no-resume)"
            )


def check_old(plan: Plan, old: Manifest | None, folder: Path) -> None:
    """Refuse to overwrite what was exported in another way.

    Raises:
        ExportError: says what differs.
    """
    if old is None:
        if plan.since == LAST:
            raise ExportError(
                f"export: {folder} has no manifest, so there is nothing to go on from: "
                "export without since='last' first"
            )
        return
    kept = set(old.resources) - set(plan.resources)
    together = FORMATS[plan.options.format].together
    for what, ours, theirs in (
        _account(plan, old),
        *((name, getattr(plan.options, name), getattr(old.options, name)) for name in ("format", "compression")),
        ("since", plan.options.since, old.options.since),
        ("until", plan.options.until, old.options.until),
        *([("set of resources", "without " + ", ".join(sorted(kept)), "with them")] if together and kept else []),
    ):
        if ours != theirs:
            raise ExportError(
                f"export: {folder} holds an export with another {what} ({_told(theirs)}, not {_told(ours)}): "
                "choose another folder, or remove that export first"
            )


def moment(name: str, value: object) -> str | None:
    """A point in time as ISO text.

    Raises:
        InvalidArgumentError: it is none, or it has no offset.
    """
    if value is None or (isinstance(value, str) and not value):
        return None
    try:
        if isinstance(value, dt.datetime):
            found = value
        elif isinstance(value, dt.date):
            found = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
        elif isinstance(value, str):
            found = dt.datetime.fromisoformat(value)
            if len(value) == len("2024-01-01"):
                found = found.replace(tzinfo=dt.UTC)
        else:
            raise InvalidArgumentError(f"export: {name} must be a time, a date or ISO text, not {shown(value)}")
    except ValueError:
        raise InvalidArgumentError(f"export: {name} must be a time, a date or ISO text, not {shown(value)}") from None
    if found.tzinfo is None:
        raise InvalidArgumentError(f"export: {name} needs an offset, such as {found.isoformat()}+00:00")
    try:
        return found.astimezone(dt.UTC).isoformat()
    except (OverflowError, ValueError, NotImplementedError):  # or a zone that knows no offset
        raise InvalidArgumentError(f"export: {name} must be within the years 1 to 9999, not {shown(value)}") from None


def _account(plan: Plan, other: Plan | Manifest) -> tuple[str, str | None, str | None]:
    """What to compare: the address says nothing where the account is known, a sandbox has another one each time."""
    if plan.account is None and other.account is None:
        return "address", plan.base_url, other.base_url
    return "account", plan.account, other.account


def _told(value: object) -> str:
    return "none" if value is None else str(value)
