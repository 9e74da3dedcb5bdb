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
from codegen.naming import class_name, constant_name, python_name
from codegen.spec import Spec, needs

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
        members = tuple((constant_name(str(value)), str(value)) for value in raw["enum"])
        return Enum(name, _one_paragraph(raw), members, module)

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
            needs=tuple(tuple(python_name(wire) for wire in group) for group in needs(raw)),
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
        model, raw = self._parsed[name], self._raw[name]
        found: dict[str, Field] = {}
        for base in [str(base.reference.name) for base in model.base_classes if base.reference is not None]:
            found |= {field.wire: field for field in self.fields(base)}
        docs: dict[str, Any] = {}
        for part in (*raw.get("allOf", ()), raw):
            docs |= part.get("properties", {})
        for field in model.fields:
            wire = str(field.original_name)
            doc = _one_paragraph(docs.get(wire, {}))
            found[wire] = Field(
                name=python_name(wire),
                wire=wire,
                type=self._type(field.data_type),
                required=bool(field.required),
                nullable=bool(field.data_type.is_optional),
                doc=doc if doc or wire not in found else found[wire].doc,
                default=docs.get(wire, {}).get("default"),
                repeats=docs.get(wire, {}).get("x-repeats", False),
            )
        return tuple(found.values())

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
    text = " ".join(str(schema.get("description", "")).split())
    return text if not text or text[-1] in ".!?" else text + "."
