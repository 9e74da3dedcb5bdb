"""Docstrings and signatures as Python text."""

import textwrap
from typing import Any

from codegen.annotations import body_type
from codegen.ir import Argument, Model

_WIDTH = 120


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
    if operation.deprecated:
        parts += [
            "",
            "Deprecated: the API advises against it and may remove it. A call warns with `DeprecationWarning`.",
        ]
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
    text = body_type(argument.type, "models.")
    if argument.required:
        return f"{text} | None" if argument.nullable else text
    if argument.place in {"query", "header"} or operation.paging is not None:
        return f"{text} | None = None"
    return f"{text} | None | Unset = UNSET" if argument.nullable else f"{text} | Unset = UNSET"
