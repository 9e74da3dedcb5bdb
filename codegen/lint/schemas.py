"""Rules for a single schema: what the generator can make a type of, wherever one stands."""

from typing import Any

import attrs

from codegen.lint import answers, keywords
from codegen.lint.choices import check as check_choice
from codegen.lint.enums import check as check_enum
from codegen.lint.examples import check as check_examples
from codegen.lint.inside import depth_of, kinds_in
from codegen.lint.parameters import parameters
from codegen.lint.view import SCHEMAS, View, mapping, sequence, text, types
from codegen.schemas import IN_PLACE
from codegen.spec import needs, pointer

_HEADS = ("$ref", "allOf", "anyOf", "oneOf", "type")
_DEFAULTS: dict[tuple[str, Any], type] = {
    ("string", None): str,
    ("integer", None): int,
    ("number", "double"): float,
    ("boolean", None): bool,
}


def check(view: View) -> None:
    """Refuse schemas that the generator would get wrong."""
    rules = _Rules(view)
    read = answers.read(view)
    for name, schema in view.schemas.items():
        rules.schema(_At(pointer("components", "schemas", name), component=name, read=name in read), schema)
    for operation in view.operations():
        for place, node in parameters(view, operation):
            if "schema" in node:
                rules.schema(_At(f"{place}/schema"), node["schema"])
        schema = answers.answer(view, operation)
        if schema and "$ref" not in schema:
            rules.schema(_At(operation.place, read=True), schema)


@attrs.frozen
class _At:
    """Where a schema stands.

    Attributes:
        component: its name, if it has one.
        null: whether it may say null: at a property.
        read: whether an answer leads here.
    """

    place: str
    component: str = ""
    null: bool = False
    read: bool = False

    def below(self, *parts: str, null: bool = False) -> "_At":
        """A place below this one."""
        return _At(self.place + pointer(*parts), null=null, read=self.read)


@attrs.frozen
class _Rules:
    view: View

    def refuse(self, at: _At, reason: str) -> None:
        self.view.refuse(at.place, reason)

    def schema(self, at: _At, node: Any) -> None:
        """Any schema."""
        if not isinstance(node, dict):
            self.refuse(at, "a schema is a mapping: write {} where anything may stand")
            return
        schema = mapping(node)  # pyright: ignore[reportUnknownArgumentType] - looked at here
        if not keywords.check(self.view, at.place, schema):
            return
        self._of_properties(at, schema)
        heads = [head for head in _HEADS if head in schema]
        if "allOf" in heads and schema.get("type") == "object":
            heads.remove("type")
        if "anyOf" in heads and needs(schema):
            heads.remove("anyOf")
        match heads:
            case []:
                self._anything(at, schema)
            case ["$ref"]:
                self._reference(at, schema)
            case ["allOf"]:
                self._inherits(at, schema)
            case ["anyOf"]:
                self._union(at, schema)
            case ["oneOf"]:
                self._one_of(at, schema)
            case ["type"]:
                self._typed(at, schema)
            case _:
                self.refuse(at, f"{' and '.join(heads)} stand side by side: keep one of them")

    def _of_properties(self, at: _At, schema: dict[str, Any]) -> None:
        for key in keywords.OF_PROPERTIES:
            if key in schema and not at.null:
                self.refuse(at.below(key), f"`{key}` is said of properties: write it where this is used as one")

    def _anything(self, at: _At, schema: dict[str, Any]) -> None:
        if at.component or _beside(schema):
            self.refuse(at, "this does not say what it is: give it a type")

    def _reference(self, at: _At, schema: dict[str, Any]) -> None:
        if at.component:
            self.refuse(at, "a component that only points to another one: use that one in its place")
        for key in _beside(schema, "$ref"):
            self.refuse(at, f"beside $ref a description may stand, but not `{key}`: put it where $ref leads")
        reference = text(schema["$ref"])
        if not reference.startswith(SCHEMAS) and self.view.spec.at(reference) is not None:
            self.refuse(at, f"a schema refers to {SCHEMAS}…, not to {reference}: put it there")

    def _inherits(self, at: _At, schema: dict[str, Any]) -> None:
        if not at.component:
            self.refuse(at, "allOf makes a class: name it as a component, or write the $ref with a description")
            return
        if not self.view.bases(at.component):
            self.refuse(at, "allOf inherits from components: put a $ref to one in it, or use type: object")
        for number, part in enumerate(sequence(schema["allOf"])):
            here = at.below("allOf", str(number))
            if "$ref" in mapping(part):
                self.schema(here, part)
                base = self.view.named(part)
                if base and not self.view.is_object(part):
                    self.refuse(here, f"{base} is no object: only objects can be inherited from")
            elif types(mapping(part)) != ["object"] or _beside(part, "type", "properties", "required"):
                self.refuse(here, "a part of allOf is a $ref, or type: object with properties and required")
            elif keywords.check(self.view, here.place, mapping(part)):
                self._properties(here, mapping(part))
        known = [*(["anyOf"] if needs(schema) else []), *(["additionalProperties"] if "x-extra" in schema else [])]
        for key in _beside(schema, "allOf", "type", "properties", "required", *known):
            self.refuse(at, f"beside allOf properties may stand, but not `{key}`: leave it out")
        self._properties(at, schema)
        self._further(at, schema)

    def _union(self, at: _At, schema: dict[str, Any]) -> None:
        for key in _beside(schema, "anyOf"):
            self.refuse(at, f"beside anyOf a description may stand, but not `{key}`: leave it out")
        kinds: list[str] = []
        objects: list[_At] = []
        for number, one in enumerate(sequence(schema["anyOf"])):
            here = at.below("anyOf", str(number))
            member = mapping(one)
            if member.get("type") == "null":
                self.refuse(here, f"null is no member of anyOf: name the union as a component; {keywords.NULLABLE}")
                continue
            self.schema(here, one)
            if not [head for head in _HEADS if head in member]:
                self.refuse(here, "a member must say what it is: where anything may stand, write {} and no anyOf")
            if self.view.kind(member) == "choice":
                self.refuse(here, "a oneOf with a discriminator is no member of a union: use it in place of the union")
                continue
            if "oneOf" in member:
                self.refuse(here, "a union of unions: write all members in one anyOf")
            depth = depth_of(self.view, member)
            if depth:
                self.refuse(here, "a list or map of objects is no member of a union: describe one object")
            elif depth == 0:
                objects.append(here)
            kinds += kinds_in(self.view, member)
        if objects and (len(objects) > 1 or "map" in kinds or not at.read):
            told = "one object may stand beside text and numbers, in an answer: describe all fields in one object"
            self.refuse(objects[-1], f"objects in a union cannot be told apart; {told}")
        for kind in ("text", "list", "map"):
            if at.read and kinds.count(kind) > 1:
                self.refuse(at, f"an answer cannot tell two members apart that are both a {kind}: keep the wider one")

    def _one_of(self, at: _At, schema: dict[str, Any]) -> None:
        for key in _beside(schema, "oneOf", "discriminator"):
            self.refuse(at, f"beside oneOf a description may stand, but not `{key}`: leave it out")
        if "discriminator" in schema:
            check_choice(self.view, at.component, at.place, schema)
        else:
            self._nullable(at, schema)

    def _nullable(self, at: _At, schema: dict[str, Any]) -> None:
        members = [mapping(one) for one in sequence(schema["oneOf"])]
        references = [number for number, one in enumerate(members) if "$ref" in one]
        nulls = [one for one in members if one == {"type": "null"}]
        if len(members) != 2 or len(references) != 1 or len(nulls) != 1:
            self.refuse(at, "oneOf must be [$ref, {type: 'null'}], or have a discriminator: else use anyOf")
            return
        if not at.null:
            self.refuse(at, "null may stand at a property only: say it where this is used, or leave it out")
        self.schema(at.below("oneOf", str(references[0])), members[references[0]])

    def _typed(self, at: _At, schema: dict[str, Any]) -> None:
        told, listed = types(schema), isinstance(schema["type"], list)
        check_examples(self.view, at.place, schema)
        if len(told) != 1 or (listed and sorted(schema["type"]) != sorted([*told, "null"])):
            self.refuse(at.below("type"), "type must be one type, or [X, 'null']: for a choice use anyOf")
            return
        if listed and not at.null:
            self.refuse(
                at.below("type"), "null may stand at a property only: say it where this is used, or leave it out"
            )
        match told[0]:
            case "array":
                self._array(at, schema)
            case "object":
                self._mapping_or_object(at, schema)
            case "string" if "enum" in schema:
                self._enum(at, schema)
            case _:
                self._scalar(at, schema, told[0])
                return
        for key in ("default", "format"):
            if key in schema:
                self.refuse(at.below(key), f"`{key}` means nothing here: say it in the description")

    def _array(self, at: _At, schema: dict[str, Any]) -> None:
        if "items" not in schema:
            self.refuse(at, "an array needs items: say what it holds")
            return
        self._nested(at, schema)
        self.schema(at.below("items"), schema["items"])

    def _mapping_or_object(self, at: _At, schema: dict[str, Any]) -> None:
        inner = schema.get("additionalProperties")
        if "x-extra" in schema and at.component:
            self._properties(at, schema)
            self._further(at, schema)
        elif inner is not None and ("properties" in schema or "required" in schema):
            self.refuse(
                at.below("additionalProperties"),
                "additionalProperties beside properties: leave it out, unknown fields are kept anyway",
            )
        elif inner is None and at.component:
            self._properties(at, schema)
        elif inner is None:
            self.refuse(at, "an object needs a name: make it a component, or free-form: additionalProperties: true")
        elif at.component and inner in (True, {}):
            self.refuse(at, "a free-form object needs no name: write it where it is used")
        elif inner is not True:
            self._nested(at, schema)
            self.schema(at.below("additionalProperties"), inner)

    def _properties(self, at: _At, schema: dict[str, Any]) -> None:
        for wire, one in mapping(schema.get("properties")).items():
            self.schema(at.below("properties", wire, null=True), one)

    def _further(self, at: _At, schema: dict[str, Any]) -> None:
        if isinstance(schema.get("additionalProperties"), dict):
            self.schema(at.below("additionalProperties"), schema["additionalProperties"])

    def _nested(self, at: _At, schema: dict[str, Any]) -> None:
        if depth_of(self.view, schema) == 2:
            self.refuse(at, "objects deeper than one list or map: put an object component in between")

    def _enum(self, at: _At, schema: dict[str, Any]) -> None:
        if not at.component:
            self.refuse(at, "an enum needs a name: make it a component")
        check_enum(self.view, at.place, schema)

    def _scalar(self, at: _At, schema: dict[str, Any], told: str) -> None:
        formats = [known for kind, known in IN_PLACE if kind == told]
        if not formats:
            self.refuse(at.below("type"), f"{told!r} is no type: use string, integer, number, boolean, array or object")
            return
        form: Any = schema.get("format")
        if (told, form) == ("string", "binary") and not at.read:
            return
        if form not in formats:
            where = at.below("format") if "format" in schema else at
            if told == "number":
                self.refuse(where, "a number needs format: decimal (exact, as money is) or format: double")
            else:
                wanted = " or ".join(known for known in formats if known) or "none"
                self.refuse(where, f"{form!r} is no format of a {told} here ({wanted}): say it in the description")
        elif "default" in schema:
            self._default(at.below("default"), schema["default"], _DEFAULTS.get((told, form)))
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if told == "integer" and isinstance(schema.get(key), float):
                self.refuse(at.below(key), f"{key} of an integer must be a whole number")

    def _default(self, at: _At, value: Any, wanted: type | None) -> None:
        if wanted is None:
            self.refuse(at, "dates and exact numbers take no default: say it in the description")
        elif not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool):
            self.refuse(at, f"{value!r} is not of the type beside it: write one that is")


def _beside(schema: Any, *known: str) -> list[str]:
    """The keywords of a schema but for the known ones and what only describes it."""
    others = mapping(schema).keys() - keywords.ANNOTATIONS.keys() - set(known)
    return sorted(key for key in others if not key.startswith("x-"))
