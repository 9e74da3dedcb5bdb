"""Two versions of a spec compared, as users of the package see them."""

from collections.abc import Iterable, Iterator
from itertools import chain

from codegen.diff.change import LEVELS, Change
from codegen.diff.models import enums, models, new_names, with_names
from codegen.diff.operations import events, operations
from codegen.ir import Api


def compare(old: Api, new: Api) -> Iterator[Change]:
    """Every change from one version of an API to the other."""
    names = new_names(old, new)
    for before, after in names.items():
        yield Change(new.name, before, "renamed", "breaking", f"was renamed to `{after}`")
    old = with_names(old, names)
    for part in (operations, models, enums, events):
        yield from part(old, new)


def compare_all(old: Iterable[Api], new: Iterable[Api]) -> list[Change]:
    """Every change from some APIs to others, the worst first; an API that is new or gone is one change."""
    before, after = {api.name: api for api in old}, {api.name: api for api in new}
    found: list[Change] = []
    for name in dict.fromkeys(chain(before, after)):
        if name not in after:
            found.append(Change(name, name, "removed", "breaking", f"was removed: {_size(before[name])}"))
        elif name not in before:
            found.append(Change(name, name, "added", "addition", f"was added: {_size(after[name])}"))
        else:
            found += compare(before[name], after[name])
    return sorted(found, key=lambda change: LEVELS.index(change.level))


def _size(api: Api) -> str:
    operations = sum(len(resource.operations) for resource in api.resources)
    return f"{operations} operations, {len(api.models)} models"
