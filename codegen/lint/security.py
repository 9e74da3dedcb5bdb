"""Rules for security: the client sends one bearer token, or none; what needs anything else is refused."""

from collections.abc import Iterator
from typing import Any

from codegen.lint.view import View, mapping, sequence, text
from codegen.spec import pointer

_OWN = "or leave the operations out: `request` of a client of your own can call them"
_IN_PARAMETERS = "write security: [] and describe it as a parameter of the operations: {{in: {place}, name: {name}}}"


def check(view: View) -> None:
    """Refuse what the client could not send, and schemes that are not there."""
    used: dict[str, str] = {}
    for place, requirements in _told(view):
        if sequence(requirements) != requirements:
            view.refuse(place, "security is a list: write [] where no credentials are needed")
        if len(sequence(requirements)) > 1:
            view.refuse(
                place, "the client has one way to authorize: of these alternatives keep the one with the bearer token"
            )
        for number, one in enumerate(sequence(requirements)):
            here = f"{place}/{number}"
            if mapping(one) != one:
                view.refuse(here, "a requirement is a mapping: write {name of a scheme: []}")
            if len(mapping(one)) > 1:
                view.refuse(
                    here, f"the client sends one token: schemes cannot be combined; keep the bearer token, {_OWN}"
                )
            for name in mapping(one):
                used.setdefault(name, here + pointer(name))
    for name, place in used.items():
        _scheme(view, name, place)
    _only_one(view, used)


def _told(view: View) -> Iterator[tuple[str, Any]]:
    if "security" in view.spec.data:
        yield "/security", view.spec.data["security"]
    for operation in view.operations():
        if "security" in operation.node:
            yield f"{operation.place}/security", operation.node["security"]


def _scheme(view: View, name: str, place: str) -> None:
    declared = view.components("securitySchemes")
    if name not in declared:
        known = ", ".join(declared) or "none"
        view.refuse(place, f"the security scheme {name!r} is not declared (known: {known}): add it to securitySchemes")
        return
    here, scheme = view.follow(declared[name], pointer("components", "securitySchemes", name))
    kind = text(scheme.get("type"))
    if kind == "oauth2" or (kind == "http" and text(scheme.get("scheme")).lower() == "bearer"):
        return
    found = f"{kind} {text(scheme.get('scheme'))}".strip() or "nothing"
    advice = "describe what takes a bearer token"
    if kind == "apiKey" and scheme.get("in") in {"header", "query"}:
        advice = _IN_PARAMETERS.format(place=scheme["in"], name=text(scheme.get("name")))
    elif kind == "apiKey":
        cookie = "{in: header, name: Cookie}"
        advice = f"write security: [] and describe a parameter of the operations: {cookie}"
    view.refuse(here, f"the client sends `Authorization: Bearer` (http bearer, oauth2), not {found}: {advice}, {_OWN}")


def _only_one(view: View, used: dict[str, str]) -> None:
    first, *others = used or [""]
    for name in others:
        view.refuse(
            used[name],
            f"the client has one token, and {first} is what it is for: use one scheme for all operations, {_OWN}",
        )
