"""The values of `ir` become Python text, through the templates."""

import ast
import json
import textwrap
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from codegen.ir import Api, Argument, Field, Model, Type
from codegen.naming import class_name, function_name
from codegen.problems import GeneratorError

PACKAGE = "pocketsflow_async"
_TEMPLATES = Path(__file__).parent / "templates"
_WIDTH = 120

# Where the names that templates use come from. A template's text is searched for them, so that every module imports
# what it needs and nothing else.
IMPORTS = {
    "Annotated": "from typing import Annotated",
    "Any": "from typing import Any",
    "ClassVar": "from typing import ClassVar",
    "TYPE_CHECKING": "from typing import TYPE_CHECKING",
    "import_module": "from importlib import import_module",
    "Decimal": "from decimal import Decimal",
    "dt": "import datetime as dt",
    "Mapping": "from collections.abc import Mapping",
    "Sequence": "from collections.abc import Sequence",
    "Generator": "from collections.abc import Generator",
    "AsyncGenerator": "from collections.abc import AsyncGenerator",
    "cached_property": "from functools import cached_property",
    "attrs": "import attrs",
    **{name: f"from {PACKAGE}._model import {name}" for name in ("Body", "Model", "OpenEnum", "Source")},
    **{name: f"from {PACKAGE}._operation import {name}" for name in ("Operation", "Paging")},
    **{name: f"from {PACKAGE}._page import {name}" for name in ("Page",)},
    **{name: f"from {PACKAGE}._paging import {name}" for name in ("Pager",)},
    "Caller": f"from {PACKAGE}._caller import Caller",
    **{name: f"from {PACKAGE}._unset import {name}" for name in ("UNSET", "Unset")},
    **{
        name: f"from {PACKAGE}._wire import {name}"
        for name in ("NULL", "Choice", "Codec", "PageCodec", "Time", "Wire", "many", "each")
    },
    "sound": f"from {PACKAGE}._sound import sound",
    "Raw": "from msgspec import Raw",
    "File": f"from {PACKAGE}._upload import File",
    "RequestOptions": f"from {PACKAGE}._config import RequestOptions",
}
# What an operations module needs when it runs; all else there is for type checkers.
_AT_RUN_TIME = {"Operation", "Paging", "Pager", "UNSET", "TYPE_CHECKING"}


def render(api: Api, document: dict[str, Any]) -> dict[str, str]:
    """The files of one API's generated package, by path below it."""
    renderer = _Renderer(api)
    records = {
        op.envelope: {op.paging.items} for res in api.resources for op in res.operations if op.paging and op.envelope
    }
    modules = sorted(
        {model.module for model in api.models}
        | {enum.module for enum in api.enums}
        | {resource.name for resource in api.resources}
    )
    files = {
        "__init__.py": renderer.text("package.py.jinja", {}),
        "resources.py": renderer.text("resources.py.jinja", {}),
    }
    for module in modules:
        here = {"module": module}
        answers = [model for model in api.models if model.module == module and model.role == "answer"]
        bodies = [model for model in api.models if model.module == module and model.role == "body"]
        enums = [enum for enum in api.enums if enum.module == module]
        pages = [
            op for res in api.resources for op in res.operations if op.paging and op.paging.rest and res.name == module
        ]
        if answers or enums or pages:
            files[f"models/{module}.py"] = renderer.text(
                "models.py.jinja", {**here, "models": answers, "enums": enums, "pages": pages}
            )
        if bodies:
            files[f"bodies/{module}.py"] = renderer.text("bodies.py.jinja", {**here, "models": bodies})
    for module in sorted(
        {model.module for model in api.models if model.role != "body"} | {r.name for r in api.resources}
    ):
        structs = [model for model in api.models if model.module == module and model.role != "body"]
        lists = [op for res in api.resources for op in res.operations if op.paging and res.name == module]
        if structs or lists:
            types = [field.type for model in structs for field in model.fields]
            choices = list(dict.fromkeys(choice for type_ in types for choice in type_.choices()))
            values = {"module": module, "models": structs, "lists": lists, "records": records, "choices": choices}
            files[f"wire/{module}.py"] = renderer.text("wire.py.jinja", values)
    for resource in api.resources:
        files[f"operations/{resource.name}.py"] = renderer.text(
            "operations.py.jinja", {"resource": resource}, typing_only=True
        )
    files["models/__init__.py"] = renderer.text("models_door.py.jinja", {"places": renderer.places()})
    if api.events:
        files["events.py"] = renderer.text("events.py.jinja", {}, typing_only=True)
    for folder in ("bodies", "operations", "wire"):
        files[f"{folder}/__init__.py"] = renderer.text("package.py.jinja", {})
    files["openapi.json"] = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    return files


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    """The templates, compiled once for all specs."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Python, not HTML
    )
    filters: dict[str, Any] = environment.filters
    filters.update(
        doc=docstring,
        answer=answer_type,
        wire=wire_type,
        absent=absent,
        taken=body_type,
        kinds=kinds,
        value_kinds=value_kinds,
        cls=class_name,
        function=function_name,
        repr=repr,
        copied=copied,
    )
    known: dict[str, Any] = environment.globals
    known.update(method_doc=method_docstring, model_doc=model_docstring, signature=signature)
    return environment


class _Renderer:
    def __init__(self, api: Api) -> None:
        self.api = api
        self._places = self.places()
        self._known = {"api": api, "package": f"{PACKAGE}._generated.{api.name}"}

    def text(self, template: str, values: dict[str, Any], *, typing_only: bool = False) -> str:
        """One module: header, docstring, the imports that its text needs, its text."""
        try:
            body = _environment().get_template(template).render(self._known, **values)
        except (jinja2.TemplateError, NotImplementedError) as exc:
            line = getattr(exc, "lineno", None)
            where = f"codegen/templates/{template}:{line}" if line else f"codegen/templates/{template}"
            raise GeneratorError(f"{where}: {exc}") from exc
        docstring_end = body.index('"""', body.index('"""') + 3) + 3
        header = (
            f"# Generated by `python -m codegen` from {self.api.source}. Do not edit:\n"
            "# change the spec, the templates or the generator, and run it again.\n"
        )
        rest = body[docstring_end:]
        return header + body[:docstring_end].lstrip() + "\n\n" + self._imports(rest, typing_only=typing_only) + rest

    def places(self) -> dict[str, str]:
        """Every public class and the module below the package that it stands in."""
        found = {enum.name: f"models.{enum.module}" for enum in self.api.enums}
        for model in self.api.models:
            if model.role != "envelope":
                found[model.name] = f"{'models' if model.role == 'answer' else 'bodies'}.{model.module}"
        for resource in self.api.resources:
            for operation in resource.operations:
                if operation.paging and operation.paging.rest:
                    found[f"{operation.answer.name}Page"] = f"models.{resource.name}"
        return dict(sorted(found.items()))

    def _imports(self, text: str, *, typing_only: bool) -> str:
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return ""  # which is said with the file's name when the file is written
        used: set[str] = set()
        defined = {
            node.target.id
            for node in tree.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Load()):
                    used.add(name)
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    defined.add(name)
                case ast.ImportFrom(names=aliases):
                    defined |= {alias.name for alias in aliases}
                case _:
                    pass
        lines = {name: IMPORTS[name] for name in used & IMPORTS.keys()}
        base = f"{PACKAGE}._generated.{self.api.name}"
        for name, place in self._places.items():
            if name in used - defined:
                lines[name] = f"from {base}.{place} import {name}"
        for model in self.api.models:
            function = function_name(model.name)
            structs = (f"{model.name}{ending}" for ending in ("Wire", "Open", "Raw"))
            for name in (*structs, function, function.upper()):
                # In operations such a name is an argument's.
                if model.role != "body" and name in used - defined and not typing_only:
                    lines[name] = f"from {base}.wire.{model.module} import {name}"
        always = {"from __future__ import annotations"}
        if not typing_only:
            return "\n".join(sorted({*lines.values(), *always}, key=_import_order)) + "\n"
        now = {line for name, line in lines.items() if name in _AT_RUN_TIME} | {"from typing import TYPE_CHECKING"}
        later = sorted({line for name, line in lines.items() if name not in _AT_RUN_TIME}, key=_import_order)
        return (
            "\n".join(sorted(now | always, key=_import_order))
            + "\n\nif TYPE_CHECKING:\n"
            + textwrap.indent("\n".join(later), "    ")
            + "\n"
        )


def _import_order(line: str) -> tuple[int, str]:
    module = line.split()[1]
    return (0 if module == "__future__" else 2 if module.startswith(PACKAGE) else 2 if module == "attrs" else 1), module


def docstring(text: str, indent: int = 0) -> str:
    """A docstring's content, wrapped and safe between triple quotes."""
    lines = [
        "\n".join(textwrap.wrap(line, _WIDTH - indent - 6, subsequent_indent=_hanging(line)))
        for line in text.split("\n")
    ]
    safe = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if safe.endswith('"'):
        safe += " "
    return textwrap.indent(safe, " " * indent).lstrip()


def _hanging(line: str) -> str:
    return " " * (len(line) - len(line.lstrip()) + (4 if line.startswith(" ") else 0))


_STABILITY = {
    "sdk-only": "The endpoint is known from the official Node SDK, not from the documentation.",
    "observed": "The endpoint is known from examples and working client code, not from the documentation.",
    "preview": "The endpoint is inferred: the documentation names what it does, but does not describe it.",
}


def model_docstring(model: Model) -> str:
    """What a generated model says of itself and of the fields that need a word."""
    documented = [field for field in model.fields if field.doc]
    if not documented:
        return docstring(model.doc, 4)
    lines = [model.doc, "", "Attributes:", *(f"    {field.name}: {field.doc}" for field in documented)]
    return docstring("\n".join(lines), 4) + "\n    "


def method_docstring(operation: Any) -> str:
    """What a generated method says of itself."""
    parts = [operation.summary]
    if operation.description:
        parts += ["", operation.description]
    if operation.stability != "documented":
        parts += ["", _STABILITY[operation.stability]]
    documented = [argument for argument in operation.arguments if argument.doc]
    parts += ["", "Args:", *(f"    {one.name}: {one.doc}" for one in documented)]
    parts += ["    options: What this call does differently from its client."]
    parts += ["", f"Source: {'; '.join(operation.sources)}."]
    return docstring("\n".join(parts), 8) + "\n        "


def signature(operation: Any) -> str:
    """The parameters of a generated method."""
    path = [f"{one.name}: str" for one in operation.arguments if one.place == "path"]
    rest = [argument for argument in operation.arguments if argument.place != "path"]
    named = [f"{one.name}: {_argument_type(one, operation)}" for one in rest]
    return ", ".join(["self", *path, "*", *named, "options: RequestOptions | None = None"])


def _argument_type(argument: Argument, operation: Any) -> str:
    text = body_type(argument.type)
    if argument.required:
        return f"{text} | None" if argument.nullable else text
    if argument.place in {"query", "header"} or operation.paging is not None:
        return f"{text} | None = None"
    return f"{text} | None | Unset = UNSET" if argument.nullable else f"{text} | Unset = UNSET"


def answer_type(field: Field) -> str:
    """A model's annotation."""
    return _optional(_annotation(field.type), field)


def wire_type(field: Field, family: str) -> str:
    """A struct's annotation, in the family that its own name ends with."""
    text = _annotation(field.type, datetime="Time", suffix=family)
    return text if field.type.kind == "choice" else _optional(text, field)


def absent(field: Field) -> str:
    """What stands in a struct's field that the answer does not have."""
    return "NULL" if field.type.kind == "choice" else "None"


def _optional(text: str, field: Field) -> str:
    if not field.required:
        return text if text == "Any" else f"{text} | None"
    return f"{text} | None" if field.nullable and text != "Any" else text


def _annotation(type_: Type, *, datetime: str = "dt.datetime", suffix: str = "") -> str:
    inner = [_annotation(arg, datetime=datetime, suffix=suffix) for arg in type_.args]
    match type_.kind:
        case "decimal":
            return "Decimal"
        case "datetime":
            return datetime
        case "date":
            return "dt.date"
        case "any":
            return "Any"
        case "file":
            return "File"
        case "enum":
            return type_.name
        case "model":
            return type_.name + suffix
        case "list":
            return f"list[{inner[0]}]"
        case "map":
            return f"dict[str, {inner[0]}]"
        case "union":
            return " | ".join(dict.fromkeys(inner))
        case "choice":
            known = " | ".join(inner)
            return f"Annotated[Raw, {function_name(type_.name).upper()}]" if suffix else f"{known} | dict[str, Any]"
        case _:
            return type_.kind


def body_type(type_: Type) -> str:
    """What a caller may give: numbers of any exactness, times as text too, enums by value."""
    inner = [body_type(arg) for arg in type_.args]
    match type_.kind:
        case "decimal" | "float":
            return "Decimal | float"
        case "datetime":
            return "dt.datetime | str"
        case "date":
            return "dt.date | str"
        case "enum":
            return f"{type_.name} | str"
        case "list":
            return f"Sequence[{inner[0]}]"
        case "map":
            return f"Mapping[str, {inner[0]}]"
        case "union":
            members = dict.fromkeys(member for text in inner for member in text.split(" | "))
            return " | ".join(sorted(members, key=lambda member: (member == "str", member)))
        case "choice":
            return " | ".join(inner)
        case _:
            return _annotation(type_)


def kinds(field: Field) -> str:
    """The kinds of value that a body's field takes when the program runs."""
    found = value_kinds(field.type)
    return found if not found or (field.required and not field.nullable) else f"{found} null"


def value_kinds(type_: Type) -> str:
    """The kinds of value that are of a type when the program runs; none where anything is."""
    names = {
        "str": "text",
        "enum": "text",
        "decimal": "number",
        "float": "number",
        "int": "whole",
        "bool": "flag",
        "datetime": "time",
        "date": "time",
        "list": "list",
        "map": "map",
        "file": "file",
    }
    members = type_.args if type_.kind == "union" else (type_,)
    if any(member.kind not in names for member in members):
        return ""
    return " ".join(dict.fromkeys(names[member.kind] for member in members))


def _only_model(type_: Type) -> Type | None:
    """The model in a union whose other members are copied as they are."""
    models = [arg for arg in type_.args if arg.kind == "model"]
    others = [arg for arg in type_.args if arg.kind != "model"]
    return models[0] if len(models) == 1 and not any(arg.has("model") for arg in others) else None


def copied(field: Field, model: Model) -> str:
    """The expression that takes a field from the struct `w` to the model."""
    value = f"w.{field.name}"
    type_ = field.type
    optional = not field.required or field.nullable
    if type_.kind == "choice":
        null = ", null=True" if optional else ""
        return f"{function_name(type_.name).upper()}.read({value}, source, {field.wire!r}{null})"
    if type_.kind in {"list", "map"} and type_.args[0].kind == "choice":
        helper = "many" if type_.kind == "list" else "each"
        text = f"{function_name(type_.args[0].name).upper()}.{helper}({value}, source, {field.wire!r})"
    elif type_.kind == "model":
        text = f"{function_name(type_.name)}({value}, source and source.at({field.wire!r}))"
    elif type_.kind in {"list", "map"} and type_.args[0].kind == "model":
        helper = "many" if type_.kind == "list" else "each"
        text = f"{helper}({function_name(type_.args[0].name)}, {value}, source, {field.wire!r})"
    elif type_.kind == "union" and (model_type := _only_model(type_)):
        name = function_name(model_type.name)
        text = f"{name}({value}, source and source.at({field.wire!r}))"
        text = f"{text} if isinstance({value}, {model_type.name}Wire) else {value}"
    elif type_.kind == "decimal":
        # Text may stand for an amount, also "NaN". This is asked of every amount, so the common case calls nothing.
        absent = f"(x := {value}) is None or x" if optional else f"(x := {value})"
        return f"x if {absent}.is_finite() else sound(x)"
    elif type_.has("any") or type_.has("decimal"):
        text = f"sound({value})"
    elif type_.has("model"):
        raise NotImplementedError(f"{model.name}.{field.wire}: models deeper than one list or map are not copied")
    else:
        return value
    return f"None if {value} is None else {text}" if optional else text
