"""Rules for the document as a whole: its shape, its references, and that nothing in it is left over."""

import difflib
import keyword
import re
from typing import Any, cast

from openapi_spec_validator import OpenAPIV31SpecValidator

from codegen.lint.view import View, closure, mapping, sequence, text
from codegen.spec import pointer

_SECTIONS = ("schemas", "parameters", "responses", "requestBodies", "headers")
_COMPONENT = re.compile(r"#/components/[^/]+/[^/]+")
_LONGEST = 160


def check(view: View) -> None:
    """Refuse what is no OpenAPI 3.1, what refers to nothing, and what nothing refers to.

    Must be the last of all rules: where another one found something, the schema of OpenAPI has nothing to add.
    """
    _name(view)
    _tags(view)
    _references(view)
    _unused(view)
    _shape(view)


def _name(view: View) -> None:
    name = view.spec.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        view.refuse(
            "", f"the file's name becomes a package, and {name!r} cannot: call the file like `pocketsflow.yaml`"
        )


def _tags(view: View) -> None:
    seen: set[str] = set()
    for number, tag in enumerate(sequence(view.spec.data.get("tags"))):
        name = text(mapping(tag).get("name"))
        if name and name in seen:
            view.refuse(f"/tags/{number}", f"there are two tags {name!r}: keep one of them")
        seen.add(name)


def _references(view: View) -> None:
    for path, item in mapping(view.spec.data.get("paths")).items():
        if "$ref" in mapping(item):
            view.refuse(pointer("paths", path, "$ref"), "a path cannot be a reference: write its operations here")
    for place, reference in view.references(view.spec.data):
        if not reference.startswith("#/"):
            reason = "only references inside the document are followed: write #/components/… and put it there"
        elif view.spec.at(reference) is None:
            reason = _nowhere(view, reference)
        elif not _COMPONENT.fullmatch(reference):
            reason = f"{reference} is inside a component: make it a component of its own and refer to that"
        elif not view.follow({"$ref": reference}, place)[1]:
            reason = f"{reference} leads back to itself or to nothing: refer to a component that says what it is"
        else:
            continue
        view.refuse(place, reason)


def _nowhere(view: View, reference: str) -> str:
    section, _, name = reference.removeprefix("#/components/").partition("/")
    near = difflib.get_close_matches(name, view.components(section), n=1)
    advice = f"did you mean {near[0]}?" if near else "add the component or correct the name"
    return f"{reference} points nowhere: {advice}"


def _unused(view: View) -> None:
    outside = {key: value for key, value in view.spec.data.items() if key != "components"}
    roots = {reference for _, reference in view.references(outside)}
    used = closure(roots, lambda reference: [one for _, one in view.references(view.spec.at(reference))])
    for section in _SECTIONS:
        for name in view.components(section):
            if f"#{pointer('components', section, name)}" not in used:
                view.refuse(
                    pointer("components", section, name),
                    "unused: no operation and no webhook leads here; use it or remove it",
                )


def _shape(view: View) -> None:
    told = {problem.pointer for problem in view.problems}
    validator: Any = cast("Any", OpenAPIV31SpecValidator).schema_validator
    for error in validator.iter_errors(view.spec.data):
        place = pointer(*map(str, error.absolute_path))
        if place not in told:
            reason, *_ = str(error.message).splitlines()
            view.refuse(place, f"this is not OpenAPI 3.1: {_short(reason)}")


def _short(message: str) -> str:
    if len(message) <= _LONGEST:
        return message
    return f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
