"""Requests against the spec: what parameters and bodies must be, compiled once for each operation."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, cast

import attrs

from pocketsflow_async.errors import ConfigurationError
from pocketsflow_async.sandbox._calls import Refused, invalid
from pocketsflow_async.sandbox._routes import FORM, URLENCODED, VERBS, resolved
from pocketsflow_async.sandbox._times import bounds

_MOST_MONEY: Final = 1e12
_INTEGER: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}
_APPLIED: Final = frozenset({"path", "query"})  # where the parameters are that the sandbox looks at
_CLAMPED: Final = "pageSize"  # too large a page is cut to the maximum, as the API does, and not refused
_OPEN_ENUMS: Final = frozenset({"#/components/schemas/WebhookEvent"})  # names that are in no list are accepted too
_NOTES: Final = frozenset({"description", "examples", "default", "title", "deprecated"})  # say nothing on validity
_FILE: Final = "binary"  # the format of a file in a form, which is checked as the object that describes it
_TYPES: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_FORMATS: Final = {
    "date": "a date",
    "date-time": "a date with a time",
    "decimal": "an amount below a trillion",
    _FILE: "a file",
}
_SHAPES: Final = frozenset({"type", "enum", "format", "anyOf", "oneOf"})
_LIMITS: Final = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "minItems": "must have at least {}",
    "maxItems": "must have at most {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
}


@attrs.frozen
class Parameter:
    """A parameter in the path or the query.

    Attributes:
        name: as it is sent.
        kind: the type in its schema, which says how its text is read.
        required: whether it must be there.
        check: a validator of jsonschema.
    """

    name: str
    kind: str
    required: bool
    check: Any

    def read(self, text: str) -> Any:
        """The value that a text stands for; the text itself when it stands for none of this kind."""
        if self.kind == "integer" and _INTEGER.fullmatch(text):
            return int(text)
        if self.kind == "number" and _NUMBER.fullmatch(text):
            return float(text)
        return _BOOLEANS.get(text, text) if self.kind == "boolean" else text


@attrs.frozen
class Check:
    """What a request of one operation must be.

    Attributes:
        path: its parameters in the path.
        query: its parameters in the query.
        body: a validator of jsonschema; None when there is no body.
        body_required: whether there must be one.
    """

    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    body: Any
    body_required: bool

    def read_query(self, path: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
        """The values of the query that the spec knows.

        Raises:
            Refused: one of them, or of the path, is not what the spec says.
        """
        _read(self.path, path)
        return _read(self.query, query)

    def read_body(self, body: Mapping[str, Any]) -> None:
        """Look a body through.

        Raises:
            Refused: it is not what the spec says.
        """
        if self.body is not None:
            for error in self.body.iter_errors(body):
                raise _refusal(error)


def compile_checks(spec: Mapping[str, Any]) -> dict[tuple[str, str], Check]:
    """A check for each verb and path template of an OpenAPI document.

    Raises:
        ConfigurationError: jsonschema is not installed.
    """
    try:
        library: Any = import_module("jsonschema")
    except ImportError as exc:
        raise ConfigurationError(
            "the sandbox needs jsonschema to look requests through: pip install jsonschema"
        ) from exc
    return _Compiler(library, spec).checks()


class _Compiler:
    """Turns the schemas of a document into validators; every `$ref` is followed once, here."""

    def __init__(self, library: Any, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self._validator = library.Draft202012Validator
        self._formats = library.FormatChecker(formats=())
        self._formats.checks("date", raises=(ValueError, OverflowError))(_is_date)
        self._formats.checks("date-time", raises=(ValueError, OverflowError))(_is_date_time)
        self._formats.checks("decimal")(_is_decimal)
        self._targets: dict[str, dict[str, Any]] = {}

    def checks(self) -> dict[tuple[str, str], Check]:
        """One for each operation."""
        return {
            (verb.upper(), template): self._check(item, item[verb])
            for template, item in self._spec["paths"].items()
            for verb in VERBS
            if verb in item
        }

    def _check(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> Check:
        described = [
            resolved(self._spec, one) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))
        ]
        by_place = {(one["in"], one["name"]): one for one in described if one["in"] in _APPLIED}
        described_body = resolved(self._spec, operation.get("requestBody", {}))
        contents = described_body.get("content", {})
        body = contents.get("application/json") or contents.get(FORM) or contents.get(URLENCODED, {})
        return Check(
            path=tuple(self._parameter(one) for (place, _), one in by_place.items() if place == "path"),
            query=tuple(self._parameter(one) for (place, _), one in by_place.items() if place == "query"),
            body=self._compiled(body["schema"]) if "schema" in body else None,
            body_required=described_body.get("required", False),
        )

    def _parameter(self, described: Mapping[str, Any]) -> Parameter:
        schema = self._inlined({"properties": {described["name"]: described.get("schema", {})}})["properties"]
        return Parameter(
            name=described["name"],
            kind=str(schema[described["name"]].get("type")),
            required=described.get("required", False),
            check=self._validator(schema[described["name"]], format_checker=self._formats),
        )

    def _compiled(self, schema: Mapping[str, Any]) -> Any:
        return self._validator(self._inlined(schema), format_checker=self._formats)

    def _inlined(self, node: Any) -> Any:
        """A schema with what its references stand for in their place; one that contains itself may do so here."""
        if isinstance(node, list):
            return [self._inlined(one) for one in cast(Sequence[Any], node)]
        if not isinstance(node, dict):
            return node
        schema = cast(dict[str, Any], node)
        rest = {name: value for name, value in schema.items() if name not in _NOTES and name != "$ref"}
        plain = {
            name: self._properties(value) if name == "properties" else self._inlined(value)
            for name, value in rest.items()
        }
        if "$ref" not in schema:
            return {**plain, "type": "object"} if plain.get("format") == _FILE else plain
        target = self._target(schema["$ref"])
        return {"allOf": [target], **plain} if plain else target

    def _properties(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        schemas = {name: self._inlined(schema) for name, schema in properties.items()}
        if _CLAMPED in schemas:
            schemas[_CLAMPED] = {name: limit for name, limit in schemas[_CLAMPED].items() if name != "maximum"}
        return schemas

    def _target(self, ref: str) -> dict[str, Any]:
        if ref not in self._targets:
            target = self._targets[ref] = {}
            found = dict(resolved(self._spec, {"$ref": ref}))
            if ref in _OPEN_ENUMS:
                del found["enum"]
            target.update(self._inlined(found))
        return self._targets[ref]


def _read(parameters: tuple[Parameter, ...], given: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for parameter in parameters:
        text = given.get(parameter.name)
        if text is not None:
            value = values[parameter.name] = parameter.read(text)
            for error in parameter.check.iter_errors(value):
                raise invalid(parameter.name, _reason(error))
        elif parameter.required:
            raise invalid(parameter.name, "is required")
    return values


def _refusal(error: Any) -> Refused:
    """The answer to a body: the field it is about, and what is wrong there."""
    place = list(error.absolute_path)
    if error.validator == "required":
        place.append(next(name for name in error.validator_value if name not in error.instance))
        reason = "is required"
    elif error.validator == "anyOf" and all([*one] == ["required"] for one in error.validator_value):
        place.append(error.validator_value[0]["required"][0])
        reason = f"is required, or {' or '.join(' with '.join(one['required']) for one in error.validator_value[1:])}"
    else:
        reason = _reason(error)
    field, *inner = place or ["body"]
    within = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in inner)
    return invalid(str(field), f"{within.removeprefix('.')} {reason}" if within else reason)


def _reason(error: Any) -> str:
    if error.validator in _LIMITS:
        return _LIMITS[error.validator].format(error.validator_value)
    if error.validator not in _SHAPES:
        return "is not what the spec says"
    return f"must be {' or '.join(dict.fromkeys(_wishes(error.schema)))}"


def _wishes(schema: Mapping[str, Any]) -> Iterator[str]:
    """What a schema asks for, in words."""
    if "enum" in schema:
        yield f"one of {', '.join(map(str, schema['enum']))}"
    elif "format" in schema and schema["format"] in _FORMATS:
        yield _FORMATS[schema["format"]]
    elif "type" in schema:
        kinds: Any = schema["type"]
        yield from (_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    for choice in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _wishes(choice)


def _is_date(value: Any) -> bool:
    """Whether a text is a date; raises what `bounds` raises when it is nothing of the kind."""
    return not isinstance(value, str) or bool("T" not in value and bounds(value))


def _is_date_time(value: Any) -> bool:
    """Whether a text is a date with a time; raises what `bounds` raises when it is nothing of the kind."""
    return not isinstance(value, str) or bool("T" in value and bounds(value))


def _is_decimal(value: Any) -> bool:
    return not isinstance(value, int | float) or abs(value) < _MOST_MONEY
