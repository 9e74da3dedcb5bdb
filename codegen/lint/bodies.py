"""Rules for what request bodies alone may say: fields of which one is needed, and further keys of a name's own."""

from codegen.lint.names import is_free
from codegen.lint.operations import body
from codegen.lint.parameters import parameters
from codegen.lint.view import MULTIPART, Operation, View, mapping, text
from codegen.naming import attribute
from codegen.spec import needs, pointer


def check(view: View) -> None:
    """Refuse `anyOf` of required fields, and `x-extra`, where no method could keep to them."""
    plain = {body(view, one) for one in view.operations() if "x-paging" not in one.node and not _is_form(view, one)}
    inherited = {base for name in view.schemas for base in view.bases(name)}
    for name, node in view.schemas.items():
        schema, place = mapping(node), pointer("components", "schemas", name)
        fields = view.properties(name)
        groups = needs(schema)
        told = "x-extra" if "x-extra" in schema else "anyOf" if groups else ""
        if told and (name not in plain or name in inherited):
            view.refuse(
                f"{place}/{told}", f"{told} here is for the body of a request, in JSON, that nothing inherits from"
            )
        for number, group in enumerate(groups):
            for wire in group:
                if wire not in fields:
                    view.refuse(
                        f"{place}/anyOf/{number}", f"{wire!r} is asked for but not described: add it to properties"
                    )
                elif fields[wire][1].get("readOnly"):
                    view.refuse(f"{place}/anyOf/{number}", f"{wire!r} is readOnly, so no request has it: leave it out")
        if "x-extra" in schema:
            _extra(view, name, place)


def _is_form(view: View, operation: Operation) -> bool:
    return MULTIPART in mapping(view.follow(operation.node.get("requestBody"), operation.place)[1].get("content"))


def _extra(view: View, name: str, place: str) -> None:
    schema = mapping(view.schemas[name])
    extra = text(schema["x-extra"])
    if not is_free(extra):
        view.refuse(f"{place}/x-extra", "x-extra must be a name in snake_case: that of the argument for further keys")
    for wire, (_, told) in view.properties(name).items():
        if attribute(wire, told) == extra:
            view.refuse(f"{place}/x-extra", f"{wire!r} is an argument of this name already: use another word")
    for operation in view.operations():
        if body(view, operation) != name:
            continue
        if any(attribute(text(told.get("name")), told) == extra for _, told in parameters(view, operation)):
            view.refuse(f"{place}/x-extra", f"{operation.name} has a parameter of this name already: use another word")
    if "additionalProperties" not in schema:
        view.refuse(f"{place}/x-extra", "x-extra names what additionalProperties describes: write it beside")
    elif "$ref" in mapping(schema["additionalProperties"]):
        view.refuse(f"{place}/additionalProperties", "further keys hold scalars: write their type here")
