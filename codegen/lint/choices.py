"""Rules for components that are one of several objects: each must be found by the value of one property."""

from typing import Any

from codegen.lint.view import SCHEMAS, View, mapping, sequence, text, types
from codegen.spec import pointer


def check(view: View, component: str, place: str, schema: dict[str, Any]) -> None:
    """Refuse a `oneOf` with a discriminator whose members could not be told apart."""
    if not component:
        view.refuse(place, "a oneOf with a discriminator needs a name: make it a component")
    told, members = mapping(schema["discriminator"]), sequence(schema["oneOf"])
    names = [view.named(one) for one in members]
    property_ = text(told.get("propertyName"))
    if not property_:
        view.refuse(f"{place}/discriminator", "propertyName must name the property that tells the members apart")
    if len(set(names)) < len(names) or len(names) < 2:
        view.refuse(f"{place}/oneOf", "a choice has two members or more, each once: name them, or use the one $ref")
    for number, (member, name) in enumerate(zip(members, names, strict=True)):
        here = f"{place}/oneOf/{number}"
        if not view.is_object(member) or list(mapping(member)) != ["$ref"]:
            view.refuse(here, "a member is a $ref to an object component and nothing else: name it there")
        elif property_:
            _told_apart(view, here, name, property_)
    for key in told.keys() - {"propertyName", "mapping"}:
        view.refuse(f"{place}/discriminator{pointer(key)}", f"{key} means nothing here: leave it out")
    if "mapping" in told and not mapping(told["mapping"]):
        view.refuse(f"{place}/discriminator/mapping", "mapping names the member of each value: fill it or leave it out")
    values = mapping(told.get("mapping"))
    for value, reference in values.items():
        if text(reference) not in {SCHEMAS + name for name in names}:
            view.refuse(
                f"{place}/discriminator/mapping{pointer(value)}",
                f"{reference!r} is none of the members: write {SCHEMAS}… as in oneOf",
            )


def _told_apart(view: View, place: str, name: str, property_: str) -> None:
    _, schema = view.properties(name).get(property_, ("", {}))
    if property_ not in view.required(name) or not (types(schema) == ["string"] or view.kind(schema) == "enum"):
        view.refuse(place, f"{name} must require {property_}, as text or an enum: the members are told apart by it")
    elif schema.get("readOnly") or schema.get("writeOnly"):
        view.refuse(
            place, f"{property_} of {name} tells the members apart, both ways: leave readOnly and writeOnly out"
        )
