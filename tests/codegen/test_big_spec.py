"""A spec of 500 operations, made up: the work grows as the spec does, and the result can be imported."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codegen.__main__ import ROOT

OPERATIONS = 500
RESOURCES = 50

GENERATE = """
import cProfile, pstats, sys
from codegen.__main__ import main
profile = cProfile.Profile(builtins=False)
status = profile.runcall(main, ["--specs", "openapi", "--out", "out"])
print(pstats.Stats(profile).total_calls)
sys.exit(status)
"""
"""Runs the command and counts the function calls: the same number on every machine, however busy it is."""

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


def big_spec(resources: int) -> dict[str, Any]:
    """Ten operations on each resource, which has a record, a base, a page, bodies, an enum and a tree of its own."""
    dice = random.Random(7)
    schemas: dict[str, Any] = {
        "Pagination": {
            "type": "object",
            "required": ["currentPage", "hasMore"],
            "properties": {"currentPage": {"type": "integer"}, "hasMore": {"type": "boolean"}},
        }
    }
    paths: dict[str, Any] = {}
    for number in range(resources):
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
        {"oneOf": [ref(f"Base{dice.randrange(n + 1)}"), {"type": "null"}]},
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


def generate(folder: Path, resources: int) -> int:
    """Generate into the folder `out`; how many function calls that took."""
    (folder / "openapi").mkdir()
    (folder / "openapi" / "big.yaml").write_text(json.dumps(big_spec(resources), indent=1))
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", GENERATE],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return int(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """The function calls that 500 operations took, and the folder of the result."""
    folder = tmp_path_factory.mktemp("big")
    return generate(folder, RESOURCES), folder / "out"


def test_the_work_grows_with_the_spec(generated: tuple[int, Path], tmp_path: Path) -> None:
    """Reading, checking, resolving and writing ten times as many operations takes less than twenty times the work."""
    spec = big_spec(RESOURCES)
    assert sum(len(item.keys() - {"parameters"}) for item in spec["paths"].values()) == OPERATIONS
    assert len(spec["components"]["schemas"]) > 300

    assert generated[0] < 20 * generate(tmp_path, RESOURCES // 10)


def test_the_result_can_be_imported(generated: tuple[int, Path]) -> None:
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
