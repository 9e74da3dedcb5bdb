"""The values of `ir` become Python text, through the templates."""

import ast
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from codegen.annotations import (
    absent,
    answer_type,
    body_type,
    copied,
    enum_of,
    kinds,
    parameter,
    value_kinds,
    wire_type,
)
from codegen.ir import Api
from codegen.naming import class_name, codec_name, function_name
from codegen.problems import GeneratorError
from codegen.wording import docstring, method_docstring, model_docstring, signature

PACKAGE = "pocketsflow_async"
_TEMPLATES = Path(__file__).parent / "templates"

# Where the names that templates use come from. A template's text is searched for them, so that every module imports
# what it needs and nothing else.
IMPORTS = {
    "Annotated": "from typing import Annotated",
    "Any": "from typing import Any",
    "ClassVar": "from typing import ClassVar",
    "TYPE_CHECKING": "from typing import TYPE_CHECKING",
    "Decimal": "from decimal import Decimal",
    "dt": "import datetime as dt",
    "Mapping": "from collections.abc import Mapping",
    "Sequence": "from collections.abc import Sequence",
    "Generator": "from collections.abc import Generator",
    "AsyncGenerator": "from collections.abc import AsyncGenerator",
    "cached_property": "from functools import cached_property",
    "attrs": "import attrs",
    **{name: f"from {PACKAGE}._model import {name}" for name in ("Body", "Model", "OpenEnum", "Source")},
    **{name: f"from {PACKAGE}._operation import {name}" for name in ("Operation", "Paging", "Parameter")},
    **{name: f"from {PACKAGE}._page import {name}" for name in ("Page",)},
    **{name: f"from {PACKAGE}._paging import {name}" for name in ("Pager",)},
    "Caller": f"from {PACKAGE}._caller import Caller",
    **{name: f"from {PACKAGE}._unset import {name}" for name in ("UNSET", "Unset")},
    **{
        name: f"from {PACKAGE}._wire import {name}"
        for name in ("NULL", "Choice", "Codec", "PageCodec", "Time", "Wire", "many", "each", "new")
    },
    "intern": "from sys import intern",
    "sound": f"from {PACKAGE}._sound import sound",
    "Raw": "from msgspec import Raw",
    "File": f"from {PACKAGE}._upload import File",
    "_door": f"from {PACKAGE}._door import door as _door",
    "Door": f"from {PACKAGE}._door import Door",
    "annotated": f"from {PACKAGE} import _annotated as annotated",
    "RequestOptions": f"from {PACKAGE}._config import RequestOptions",
}
BUILTINS = frozenset({"AttributeError", "DeprecationWarning"})
"""Classes of Python's own that templates name."""

# What stands between a module and classes that it only names: they are loaded when the annotation is asked for.
_DOORS = {"operations.py.jinja": "models", "events.py.jinja": "models"}


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
        files[f"operations/{resource.name}.py"] = renderer.text("operations.py.jinja", {"resource": resource})
    doors = {"models": ("model, enum and request body", renderer.places())}
    doors["operations"] = ("resource", {class_name(one.name): f"operations.{one.name}" for one in api.resources})
    for door, (kinds_of, places) in doors.items():
        files[f"{door}/__init__.py"] = renderer.text("models_door.py.jinja", {"kinds_of": kinds_of, "places": places})
    if api.events:
        files["events.py"] = renderer.text("events.py.jinja", {})
    for folder in ("bodies", "wire"):
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
        enum_of=enum_of,
        parameter=parameter,
        cls=class_name,
        function=function_name,
        codec=codec_name,
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

    def text(self, template: str, values: dict[str, Any]) -> str:
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
        return header + body[:docstring_end].lstrip() + "\n\n" + self._imports(rest, template) + rest

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

    def _imports(self, text: str, template: str) -> str:
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
        lines = {name: IMPORTS[name] for name in (used - defined) & IMPORTS.keys()}
        base = f"{PACKAGE}._generated.{self.api.name}"
        if template in _DOORS:
            lines |= {name: f"from {base} import {name}" for name in {_DOORS[template]} & used}
        else:
            lines |= {
                name: f"from {base}.{self._places[name]} import {name}"
                for name in (used - defined) & self._places.keys()
            }
        # Elsewhere such a name is that of an argument or local value.
        for model in self.api.models if template == "wire.py.jinja" else ():
            function = function_name(model.name)
            structs = (f"{model.name}{ending}" for ending in ("Wire", "Open", "Raw"))
            for name in (*structs, function, codec_name(model.name)):
                if model.role != "body" and name in used - defined:
                    lines[name] = f"from {base}.wire.{model.module} import {name}"
        return "\n".join(sorted({*lines.values(), "from __future__ import annotations"}, key=_import_order)) + "\n"


def _import_order(line: str) -> tuple[int, str]:
    module = line.split()[1]
    return (0 if module == "__future__" else 2 if module.startswith(PACKAGE) else 2 if module == "attrs" else 1), module
