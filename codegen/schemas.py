"""Component schemas to types: datamodel-code-generator reads and resolves them, we say what they become here."""

import copy
from collections.abc import Iterator
from typing import Any, cast

from datamodel_code_generator.enums import DataModelType, OpenAPIScope
from datamodel_code_generator.format import DatetimeClassType, PythonVersion
from datamodel_code_generator.model import get_data_model_types
from datamodel_code_generator.parser.openapi import OpenAPIParser

from codegen.choices import tags, without_discriminators
from codegen.ir import Enum, Field, Model, Type
from codegen.naming import attribute, class_name, member_names
from codegen.spec import Spec, described, needs, said_again

_SCALARS: dict[str, Any] = {
    "str": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "Decimal": "decimal",
    "datetime": "datetime",
    "date": "date",
    "Any": "any",
    "object": "any",
    "bytes": "file",
}
IN_PLACE: dict[tuple[str, str | None], Any] = {
    ("string", None): "str",
    ("string", "date"): "date",
    ("string", "date-time"): "datetime",
    ("integer", None): "int",
    ("number", "decimal"): "decimal",
    ("number", "double"): "float",
    ("boolean", None): "bool",
    ("object", None): "map",
}


class Schemas:
    """The component schemas of a spec, every reference resolved, by the names of their classes."""

    def __init__(self, spec: Spec) -> None:
        self._raw = {class_name(name): schema for name, schema in spec.schemas.items()}
        self._parsed = {str(model.class_name): model for model in _parse(without_discriminators(spec))}
        self._told: dict[str, dict[str, Any]] = {}
        self._sent: set[str] = set()
        self._find_sent(spec)

    def _find_sent(self, spec: Spec) -> None:
        """The classes that requests carry; what such a class has `readOnly` leads nowhere."""
        bodies = [spec.resolve(node.get("requestBody", {})).get("content", {}) for *_, node in spec.operations()]
        waiting = [class_name(one["schema"]["$ref"].rpartition("/")[2]) for body in bodies for one in body.values()]
        while waiting:
            name = waiting.pop()
            if name not in self._sent:
                self._sent.add(name)
                waiting += sorted(self.used_by(name))

    def names(self) -> Iterator[str]:
        """The classes, in the order of the spec."""
        return iter(self._raw)

    def is_enum(self, name: str) -> bool:
        """Whether the class is an enum."""
        return "enum" in self._raw[name]

    def used_by(self, name: str) -> set[str]:
        """The classes that a class's fields use."""
        if self.is_enum(name):
            return set()
        return {used for field in self.fields(name) for used in field.type.names()}

    def enum(self, name: str, module: str) -> Enum:
        """The class as an enum."""
        raw = self._raw[name]
        names = raw.get("x-enum-varnames") or member_names(raw["enum"])
        return Enum(name, _one_paragraph(raw), tuple(zip(names, raw["enum"], strict=True)), module)

    def model(self, name: str, role: Any, module: str, unwrap: tuple[str, ...]) -> Model:
        """The class as an object."""
        raw = self._raw[name]
        return Model(
            name,
            _one_paragraph(raw),
            self.fields(name),
            role,
            module,
            unwrap,
            needs=tuple(tuple(attribute(wire, self.told(name)[wire]) for wire in group) for group in needs(raw)),
            further=self.further(name),
        )

    def further(self, name: str) -> Field | None:
        """The further keys that a body takes as one mapping, if it does."""
        raw = self._raw[name]
        if "x-extra" not in raw:
            return None
        inner = raw["additionalProperties"]
        kind = Type("map", args=(Type("any") if inner is True or not inner else self.in_place(inner),))
        doc = "Further fields, under the names that the account gave them."
        return Field(raw["x-extra"], "", kind, required=False, nullable=False, doc=doc)

    def fields(self, name: str) -> tuple[Field, ...]:
        """The properties of an object, what it inherits first; one that is said again takes the place of the first."""
        return self._fields(name, sent=name in self._sent)

    def _fields(self, name: str, *, sent: bool) -> tuple[Field, ...]:
        model, told = self._parsed[name], self.told(name)
        found: dict[str, Field] = {}
        for base in [str(base.reference.name) for base in model.base_classes if base.reference is not None]:
            found |= {field.wire: field for field in self._fields(base, sent=sent)}
        for field in model.fields:
            wire = str(field.original_name)
            property_ = told.get(wire, {})
            doc = _one_paragraph(property_)
            found[wire] = Field(
                name=attribute(wire, property_),
                wire=wire,
                type=self._type(field.data_type),
                required=bool(field.required) and (sent or not property_.get("writeOnly", False)),
                nullable=bool(field.data_type.is_optional),
                doc=doc if doc or wire not in found else found[wire].doc,
                default=property_.get("default"),
                repeats=property_.get("x-repeats", False),
                secret=property_.get("x-secret", False),
            )
        return tuple(one for one in found.values() if not (sent and told.get(one.wire, {}).get("readOnly", False)))

    def told(self, name: str) -> dict[str, Any]:
        """What the spec says of each property of an object, what it inherits first."""
        if name not in self._told:
            raw, found = self._raw[name], dict[str, Any]()
            for part in (*raw.get("allOf", ()), raw):
                base = class_name(part["$ref"].rpartition("/")[2]) if "$ref" in part else ""
                properties = self.told(base) if base else part.get("properties", {})
                found |= {wire: said_again(found.get(wire, {}), one) for wire, one in properties.items()}
            self._told[name] = found
        return self._told[name]

    def in_place(self, schema: dict[str, Any]) -> Type:
        """The type of a schema that stands in a parameter or an answer: a reference, a scalar, or a list of those."""
        if "$ref" in schema:
            return self._named(class_name(schema["$ref"].rpartition("/")[2]))
        if schema.get("type") == "array":
            return Type("list", args=(self.in_place(schema["items"]),))
        kind = IN_PLACE[schema["type"], schema.get("format")]
        return Type("map", args=(Type("any"),)) if kind == "map" else Type(kind)

    def _named(self, name: str) -> Type:
        if self.is_enum(name):
            return Type("enum", name)
        if "discriminator" in self._raw[name]:
            return self._choice(name)
        model = self._parsed[name]
        alias = len(model.fields) == 1 and model.fields[0].original_name is None
        return self._type(model.fields[0].data_type) if alias else Type("model", name)

    def _choice(self, name: str) -> Type:
        raw = self._raw[name]
        found = tuple((value, class_name(member)) for value, member in tags(raw).items())
        members = tuple(Type("model", cls) for cls in dict.fromkeys(cls for _, cls in found))
        return Type("choice", name, members, by=raw["discriminator"]["propertyName"], tags=found)

    def _type(self, found: Any) -> Type:
        if found.is_list:
            return Type("list", args=(self._members(found),))
        if found.is_dict:
            return Type("map", args=(self._members(found),))
        if found.reference is not None:
            return self._named(str(found.reference.name))
        if found.data_types:
            return self._members(found)
        return Type(_SCALARS[found.type.removesuffix("_aliased")])  # so called beside a field of the type's own name

    def _members(self, found: Any) -> Type:
        members = [self._type(member) for member in found.data_types if member.type != "None"]
        flat = [inner for member in members for inner in (member.args if member.kind == "union" else (member,))]
        return flat[0] if len(flat) == 1 else Type("union", args=tuple(flat))


def _parse(spec: Spec) -> list[Any]:
    """The generator's own models of the component schemas."""
    kinds = get_data_model_types(DataModelType.DataclassesDataclass, PythonVersion.PY_311)
    document: Any = {
        "openapi": spec.data["openapi"],
        "info": spec.data["info"],
        "paths": {},
        "components": {"schemas": {name: _class_only(schema) for name, schema in spec.schemas.items()}},
    }
    parser = OpenAPIParser(
        copy.deepcopy(document),  # which is the parser's to change
        data_model_type=kinds.data_model,
        data_model_root_type=kinds.root_model,
        data_model_field_type=kinds.field_model,
        data_type_manager_type=kinds.data_type_manager,
        target_datetime_class=DatetimeClassType.Datetime,
        use_standard_collections=True,
        use_standard_primitive_types=True,
        use_union_operator=True,
        strict_nullable=True,
        treat_dot_as_module=False,
        openapi_scopes=[OpenAPIScope.Schemas],
        formatters=[],
    )
    parser.parse(format_=False)
    return cast("list[Any]", parser.results)


def _class_only(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without what the generator would take for more classes: the body's own rules."""
    rules = {*(["anyOf"] if needs(schema) else []), *(["additionalProperties"] if "x-extra" in schema else [])}
    return {key: value for key, value in schema.items() if key not in rules}


def _one_paragraph(schema: dict[str, Any]) -> str:
    text = described(schema)
    return text if not text or text[-1] in ".!?" else text + "."
