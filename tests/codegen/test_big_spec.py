"""A spec of 500 operations, made up: the generator digests it in seconds, and the result can be imported."""

import json
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codegen.__main__ import ROOT

OPERATIONS = 500
RESOURCES = 50
SECONDS = 10
"""Of the processor, for all that the command does."""

CHECK = """
import importlib, pkgutil, sys
import pocketsflow_async._generated as generated
generated.__path__.append(sys.argv[1])
big = importlib.import_module("pocketsflow_async._generated.big")
names = [found.name for found in pkgutil.walk_packages(big.__path__, "pocketsflow_async._generated.big.")]
for name in names:
    importlib.import_module(name)
models = importlib.import_module("pocketsflow_async._generated.big.models")
classes = [getattr(models, name) for name in models.__all__]
tree = importlib.import_module(models.Tree0.WIRE.partition(":")[0])
found = getattr(tree, models.Tree0.WIRE.partition(":")[2]).decode(b'{"_id": "1", "inside": {"a": {"_id": "2"}}}')
print(len(names), len(classes), found.inside["a"].id)
"""


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def big_spec(seed: int = 7) -> dict[str, Any]:
    """500 operations on 50 resources; each has a record, a base, a page, bodies, an enum and a tree of its own."""
    dice = random.Random(seed)
    schemas: dict[str, Any] = {
        "Pagination": {
            "type": "object",
            "required": ["currentPage", "hasMore"],
            "properties": {"currentPage": {"type": "integer"}, "hasMore": {"type": "boolean"}},
        }
    }
    paths: dict[str, Any] = {}
    for number in range(RESOURCES):
        schemas |= _schemas(number, dice)
        paths |= _paths(number)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Big", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _schemas(n: int, dice: random.Random) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [
        {"type": "string"},
        {"type": ["string", "null"]},
        {"type": "integer"},
        {"type": "number", "format": "decimal"},
        {"type": "boolean"},
        {"type": "string", "format": "date-time"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "additionalProperties": ref(f"Tree{n}")},
        {"type": "array", "items": ref(f"Tree{n}")},
        ref(f"State{n}"),
        {"oneOf": [ref(f"Base{dice.randrange(RESOURCES)}"), {"type": "null"}]},
    ]

    def properties(name: str, many: int) -> dict[str, Any]:
        return {f"{name}{number}Of": {**dice.choice(kinds), "description": "What it is."} for number in range(many)}

    written = {f"field{number}": dice.choice(kinds[:8]) for number in range(8)}
    return {
        f"State{n}": {"type": "string", "enum": [f"state_{n}_{number}" for number in range(6)]},
        f"Base{n}": {
            "type": "object",
            "description": "What is always there.",
            "required": ["_id"],
            "properties": {"_id": {"type": "string"}, **properties("base", 5)},
        },
        f"Tree{n}": {
            "allOf": [
                ref(f"Base{n}"),
                {
                    "type": "object",
                    "properties": {
                        "inside": {"type": "object", "additionalProperties": ref(f"Tree{n}")},
                        "around": ref(f"Tree{n}"),
                    },
                },
            ]
        },
        f"Thing{n}": {"allOf": [ref(f"Base{n}")], "properties": properties("thing", 12)},
        f"Page{n}": {
            "type": "object",
            "required": ["things"],
            "properties": {"things": {"type": "array", "items": ref(f"Thing{n}")}, "pagination": ref("Pagination")},
        },
        f"Creation{n}": {"type": "object", "required": ["field0"], "properties": written},
        f"Change{n}": {"type": "object", "properties": written},
    }


def _paths(n: int) -> dict[str, Any]:
    def operation(method: str, http: str, answer: str, body: str = "", **more: Any) -> dict[str, Any]:
        told: dict[str, Any] = {
            "operationId": f"things{n}.{method}",
            "x-resource": f"things{n}",
            "x-method": method,
            "x-idempotency": "safe" if http == "get" else "never",
            "x-stability": "documented",
            "x-sources": ["made up"],
            "summary": "Do it.",
            "responses": {
                "200": {"description": "OK.", "content": {"application/json": {"schema": ref(f"{answer}{n}")}}}
            },
            **more,
        }
        if body:
            content = {"application/json": {"schema": ref(f"{body}{n}")}}
            told["requestBody"] = {"required": True, "content": content}
        return {http: told}

    asked = [
        {"name": "page", "in": "query", "schema": {"type": "integer"}},
        {"name": "pageSize", "in": "query", "schema": {"type": "integer", "maximum": 100}},
        {"name": "state", "in": "query", "schema": ref(f"State{n}")},
    ]
    place, one = f"/things{n}", [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    paging = {"style": "page", "items": "things"}
    return {
        place: {
            **operation("list", "get", "Page", parameters=asked, **{"x-paging": paging}),
            **operation("create", "post", "Thing", "Creation"),
        },
        f"{place}/{{id}}": {
            "parameters": one,
            **operation("get", "get", "Thing"),
            **operation("update", "patch", "Thing", "Change"),
            **operation("delete", "delete", "Base"),
        },
        f"{place}/{{id}}/tree": {
            "parameters": one,
            **operation("tree", "get", "Tree"),
            **operation("plant", "post", "Tree", "Creation"),
            **operation("fell", "delete", "Tree"),
        },
        f"{place}/{{id}}/old": {
            "parameters": one,
            **operation("old", "get", "Page", parameters=asked, **{"x-paging": paging}),
            **operation("restore", "post", "Thing"),
        },
    }


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[float, Path]:
    """The folder of the result, and the processor's time that the command and its children took."""
    folder = tmp_path_factory.mktemp("big")
    (folder / "openapi").mkdir()
    (folder / "openapi" / "big.yaml").write_text(json.dumps(big_spec(), indent=1))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "codegen", "--specs", "openapi", "--out", "out"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, folder / "out"


def test_500_operations_in_seconds(generated: tuple[float, Path]) -> None:
    """Reading, checking, resolving, writing and formatting 500 operations takes less than 10 s of one processor."""
    spec = big_spec()
    assert sum(len(item.keys() - {"parameters"}) for item in spec["paths"].values()) == OPERATIONS
    assert len(spec["components"]["schemas"]) > 300
    print(f"{OPERATIONS} operations: {generated[0]:.1f} s")  # noqa: T201 - shown by pytest -s: the figure is the point

    assert generated[0] < SECONDS


def test_the_result_can_be_imported(generated: tuple[float, Path]) -> None:
    """Every module can be imported, every class is there, and an answer with a tree of itself is read."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "error", "-c", CHECK, str(generated[1])],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    modules, classes, found = done.stdout.split()
    assert int(modules) > 3 * RESOURCES
    assert int(classes) == 6 * RESOURCES + 1
    assert found == "2"
