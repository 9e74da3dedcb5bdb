"""The package's public names and signatures compared by griffe, which reads the code without importing it."""

import logging
from pathlib import Path
from typing import Any

import griffe

from codegen.complaint import CommandError
from codegen.diff.change import Change, Level
from codegen.naming import class_name

PACKAGE = "pocketsflow_async"

_KINDS: dict[griffe.BreakageKind, tuple[str, Level, str]] = {
    griffe.BreakageKind.PARAMETER_MOVED: ("moved", "breaking", "moved to another position"),
    griffe.BreakageKind.PARAMETER_REMOVED: ("removed", "breaking", "was removed"),
    griffe.BreakageKind.PARAMETER_CHANGED_KIND: ("passing", "breaking", "is passed in another way"),
    griffe.BreakageKind.PARAMETER_CHANGED_DEFAULT: ("default", "behaviour", "changed its default"),
    griffe.BreakageKind.PARAMETER_CHANGED_REQUIRED: ("required", "breaking", "became required"),
    griffe.BreakageKind.PARAMETER_ADDED_REQUIRED: ("added", "breaking", "was added, required"),
    griffe.BreakageKind.RETURN_CHANGED_TYPE: ("answer", "breaking", "returns another type"),
    griffe.BreakageKind.OBJECT_REMOVED: ("removed", "breaking", "was removed"),
    griffe.BreakageKind.OBJECT_CHANGED_KIND: ("kind", "breaking", "became another kind of thing"),
    griffe.BreakageKind.ATTRIBUTE_CHANGED_TYPE: ("type", "breaking", "changed its type"),
    griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE: ("default", "behaviour", "changed its value"),
    griffe.BreakageKind.CLASS_REMOVED_BASE: ("base", "breaking", "lost a base class"),
}
_SPECIAL = {"__slots__", "__all__"}
_GENERATED = ("operations", "models", "bodies")


def public_changes(old: Path, new: Path) -> list[Change]:
    """What changed in the public API between two trees that hold the package."""
    before, after = Package(old), Package(new)
    found: dict[tuple[str, str], Change] = {}
    for path, one in before.roots.items():
        if path not in after.roots:
            change = _change(before.name(path), path, "removed", "breaking", "was removed")
            found[change.where, change.kind] = change
            continue
        for breakage in griffe.find_breaking_changes(one, after.roots[path]):
            change = _told(before, breakage)
            if breakage.obj.name not in _SPECIAL:
                found.setdefault((change.where, change.kind), change)
    # griffe tells breaks only. What is inside of something new is new without being told.
    known, now = before.names(), after.names()
    for name, (path, parent) in now.items():
        if name not in known and (parent in known or not parent):
            found.setdefault((name, "added"), _change(name, path, "added", "addition", "was added"))
    return list(found.values())


class Package:
    """The package in a tree, as users see it.

    Attributes:
        roots: what is looked at from the top: the package, and the generated classes, which users meet without
            naming their private modules; by path.
    """

    def __init__(self, tree: Path) -> None:
        logging.getLogger("griffe").setLevel(logging.CRITICAL)
        try:
            root: Any = griffe.load(
                PACKAGE,
                search_paths=[tree],
                try_relative_path=False,  # else a folder of that name in the working directory wins
                allow_inspection=False,
                resolve_aliases=True,
            )
        except (ImportError, griffe.GriffeError, SyntaxError, OSError) as exc:
            raise CommandError(f"{tree.name}/{PACKAGE} cannot be read: {exc}") from None
        self.roots: dict[str, Any] = {PACKAGE: root, **_generated(root)}
        self._doors = {
            one.final_target.path: name
            for name, one in root.members.items()
            if one.is_alias and one.is_public and _target(one) is not None
        }

    def name(self, path: str) -> str:
        """What users call the thing at a path: `orders.list`, `Order.total`, `export.export`, `Pocketsflow.mode`."""
        parts = path.removesuffix(".__init__").split(".")  # a class is called, not its __init__
        if parts[1:2] == ["_generated"] and len(parts) > 4:
            kind, resource, *rest = parts[3:]
            is_resource = kind == "operations" and rest[0] == class_name(resource)
            return ".".join([resource, *rest[1:]] if is_resource else rest)
        for end in range(len(parts), 1, -1):
            if door := self._doors.get(".".join(parts[:end])):
                return ".".join([door, *parts[end:]])
        return ".".join(part for part in parts[1:] if not part.startswith("_"))

    def names(self) -> dict[str, tuple[str, str]]:
        """Every public name, arguments too, with its path and the name of what it is in."""
        found: dict[str, tuple[str, str]] = {}
        waiting: list[tuple[Any, str]] = [(one, "") for one in self.roots.values()]
        while waiting:
            one, parent = waiting.pop()
            name = self.name(one.path)
            if one.is_function:
                found |= {f"{name}({arg.name})": (one.path, name) for arg in one.parameters if arg.name != "self"}
            if name in found:
                continue
            found[name] = one.path, parent
            if one.is_class or one.is_module:
                waiting += [(inner, name) for inner in map(_target, _public(one)) if inner is not None]
        return found


def _generated(package: Any) -> dict[str, Any]:
    root = package.members.get("_generated")
    return {
        cls.path: cls
        for api in (root.modules.values() if root is not None else ())
        for kind in _GENERATED
        if kind in api.modules
        for module in api.modules[kind].modules.values()
        for cls in module.classes.values()
        if not cls.is_alias and not cls.name.startswith("_")
    }


def _public(one: Any) -> list[Any]:
    return [
        inner
        for name, inner in one.members.items()
        if inner.is_public and (name == "__init__" or not name.startswith("__"))
    ]


def _told(package: Package, breakage: griffe.Breakage) -> Change:
    kind, level, text = _KINDS[breakage.kind]
    path = breakage.obj.path
    name = package.name(path)
    arguments = [one for one in (breakage.old_value, breakage.new_value) if isinstance(one, griffe.Parameter)]
    return _change(f"{name}({arguments[0].name})" if arguments else name, path, kind, level, text)


def _change(name: str, path: str, kind: str, level: Level, text: str) -> Change:
    parts = path.split(".")
    api = parts[2] if parts[1:2] == ["_generated"] and len(parts) > 2 else PACKAGE
    return Change(api, name, kind, level, text)


def _target(one: Any) -> Any:
    try:
        return one.final_target if one.is_alias else one
    except griffe.AliasResolutionError:
        return None
