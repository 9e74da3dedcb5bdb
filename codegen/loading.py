"""A YAML file as plain data, and the line on which each part of it stands."""

import math
import re
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import yaml

from codegen.problems import Problem, SpecError, problem

DEEPEST = 200
MOST_ALIASED = 100_000
"""Nodes that aliases may add to those that are written."""
_LARGEST = 50_000_000
_LONGEST = 60

# The C loader is ten times faster and reads the same language.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_scalars: Any = yaml.constructor.SafeConstructor()
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")
_OCTAL = re.compile(r"[-+]?0[0-9]+")


def read(path: Path) -> tuple[Any, dict[str, int]]:
    """The data in a YAML file (or JSON, which YAML contains), and the line of each JSON pointer.

    Raises:
        SpecError: it cannot be read, or holds what JSON has no values for.
    """
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    try:
        root = _tree(path)
        data = _Reader(path, lines, problems).plain(root, "")
    except OSError as exc:
        raise SpecError([problem(path, 0, "", f"the spec cannot be read: {exc.strerror}")]) from None
    except RecursionError:
        raise _too_deep(path) from None
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        mark = getattr(exc, "problem_mark", None)
        reason = " ".join(str(getattr(exc, "problem", None) or exc).split())
        if "nesting depth" in reason:  # libyaml has a limit of its own since 0.2.6
            raise _too_deep(path) from None
        raise SpecError([problem(path, mark.line + 1 if mark else 0, "", f"this is not YAML: {reason}")]) from None
    if problems:
        raise SpecError(sorted(set(problems)))
    return data, lines


def is_too_deep(text: str) -> bool:
    """Whether YAML is nested so deeply that its loader, which recurses, could end the program."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if depth > DEEPEST:
            return True
    return False


def pointer(*parts: str) -> str:
    """The JSON pointer to a place, from its unescaped parts."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _tree(path: Path) -> Any:
    """The nodes of the file, after a look at how deep they are and how many they become."""
    if path.stat().st_size > _LARGEST:
        raise SpecError([problem(path, 1, "", f"it has more than {_LARGEST:,} bytes: divide it")])
    text = path.read_text(encoding="utf-8")
    if is_too_deep(text):
        raise _too_deep(path)
    root = yaml.compose(text, _Loader)
    sizes: dict[int, int] = {}
    if _size(root, sizes) - len(sizes) > MOST_ALIASED:
        reason = f"its aliases expand to more than {MOST_ALIASED:,} nodes: write components and $refs"
        raise SpecError([problem(path, 1, "", reason)])
    return root


def _size(node: Any, sizes: dict[int, int]) -> int:
    """How many nodes a node becomes when its aliases are followed; each is looked at once."""
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise RecursionError  # it stands inside itself
        return sizes[id(node)]
    sizes[id(node)] = 0
    inner = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else []
    if isinstance(node, yaml.SequenceNode):
        inner = node.value
    found = sizes[id(node)] = 1 + sum(_size(one, sizes) for one in inner)
    return found


def _too_deep(path: Path) -> SpecError:
    return SpecError([problem(path, 1, "", "it is nested too deeply, or an alias stands inside itself")])


@attrs.frozen
class _Reader:
    path: Path
    lines: dict[str, int]
    problems: list[Problem]

    def plain(self, node: Any, place: str) -> Any:
        """The data of a node, keeping the lines of everything in it; dates stay text and keys become text."""
        self.lines[place] = node.start_mark.line + 1 if node is not None else 0
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, f"{place}/{i}") for i, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            return None
        try:
            return _scalar(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError):
            text = repr(node.value)
            text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
            self._refuse(node, place, f"{text} is no JSON value: put it in quotes")
            return None

    def _mapping(self, node: Any, place: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            inner = place + pointer(name)
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, place, "a key is text, not a list or mapping")
            elif key.tag == "tag:yaml.org,2002:merge":
                self._refuse(key, inner, "merge keys are not read; write the keys out")
            elif name in found:
                self._refuse(key, inner, "this key stands twice: keep one of them")
            found[name] = self.plain(value, inner)
            self.lines[inner] = key.start_mark.line + 1
        return found

    def _refuse(self, node: Any, place: str, reason: str) -> None:
        self.problems.append(problem(self.path, node.start_mark.line + 1, place, reason))


def _scalar(node: Any) -> Any:
    """The value of a scalar as YAML 1.2 has it, which OpenAPI prescribes: `no`, `1:30` and `1_000` are text there."""
    text: str = node.value
    kind = node.tag.rpartition(":")[2]
    if kind == "bool" and text.lower() not in {"true", "false"}:
        return text
    if kind in {"int", "float"} and not node.style and (":" in text or "_" in text or text[:2] == "0b"):
        return text
    if kind == "int" and _OCTAL.fullmatch(text):
        raise ValueError
    if kind == "str" and not node.style and _FLOAT.fullmatch(text):
        return float(text)
    value = _scalars.construct_object(node)
    if isinstance(value, date):
        return text
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError
    return value
