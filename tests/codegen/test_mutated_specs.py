"""The hard spec, changed at random: it is refused with its place, or becomes a tree that imports and stays as it is."""

import copy
import importlib
import json
import random
import re
import sys
from pathlib import Path

import pytest
import yaml

import pocketsflow_async._generated as generated
from codegen.__main__ import main
from codegen.loading import read
from codegen.spec import pointer

GOLDEN = Path(__file__).parent / "golden" / "hard.yaml"
NAME = "pocketsflow_async._generated.mutated"
TREES = 4
"""Mutations of each seed; about a third of them is generated, which takes half a second."""

KEYWORDS = {
    "type": ["string", "integer", "number", "boolean", "array", "object", "null", ["string", "null"], ["string"], 3],
    "format": ["date", "date-time", "decimal", "double", "binary", "uuid"],
    "readOnly": [True],
    "writeOnly": [True],
    "x-secret": [True],
    "x-name": ["other", "self", "class", "a_b"],
    "deprecated": [True],
    "default": [0, "x", None, [], True],
    "enum": [["a", "A"], ["-a", "a"], ["€"], [1], [None, "a"], []],
    "required": [["a"], [], True, [None]],
    "items": [{}, {"type": "string"}, {"$ref": "#/components/schemas/Box"}],
    "additionalProperties": [True, False, {"type": "integer"}],
    "allOf": [[{"$ref": "#/components/schemas/Part"}, {"$ref": "#/components/schemas/Note"}]],
    "oneOf": [[{"$ref": "#/components/schemas/Part"}, {"type": "null"}]],
    "anyOf": [[{"type": "string"}, {"type": "integer"}]],
    "properties": [{"a": {"type": "string"}, "A": {"type": "string"}}, {}, {"": {"type": "string"}}],
    "security": [[], [{}], [{"key": []}], [{"other": []}], {}],
    "x-paging": [{"style": "none"}, {"style": "offset"}, {"style": "page", "items": "list"}, None],
    "x-unwrap": [["a"], []],
    "content": [{}, {"application/json": {}}, {"text/plain": {"schema": {"type": "string"}}}],
    "responses": [{"204": {"description": "x"}}, {"default": {"description": "x"}}, {}],
    "in": ["query", "header", "path", "cookie"],
    "maximum": [0, 25, 2.5, 10**30],
    "name": ["x", "page", "Authorization", "größe", "self", 'a"b'],
}


def places(node, place=()):
    """Every place in a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield (*place, key)
        yield from places(value, (*place, key))


def at(document, place):
    for key in place:
        document = document[key]
    return document


def mutated(document, dice):
    """The document with one change: a keyword, a part moved, a part removed, a name changed, or odd data."""
    found = list(places(document))
    *way, last = dice.choice(found)
    node = at(document, way)
    match dice.randrange(6):
        case 0 | 1 if isinstance(node, dict):
            key = dice.choice(sorted(KEYWORDS))
            node[key] = copy.deepcopy(dice.choice(KEYWORDS[key]))
        case 2:
            node[last] = copy.deepcopy(at(document, dice.choice(found)))
        case 3:
            del node[last]
        case 4 if isinstance(node, dict):
            names = ["self", "class", "A", "a b", "/x/{id}/..", "<<", "$ref", "größe", "", 'x"', "/{", "None"]
            node[dice.choice(names)] = node.pop(last)
        case _:
            node[last] = copy.deepcopy(dice.choice([None, True, 0, -1, 1.5, "", "x", "\u2028", [], {}, [[]], {"": {}}]))


@pytest.fixture
def tree(tmp_path, capsys):
    """Generates a document twice; gives the status, what was said, and the folder."""

    def tree(document):
        folder = tmp_path / "openapi"
        folder.mkdir(exist_ok=True)
        (folder / "mutated.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")
        words = ["--specs", str(folder), "--out", str(tmp_path / "out")]
        status = main(words)
        told = capsys.readouterr().err
        if status == 0:
            assert main([*words, "--check"]) == 0
        return status, told, tmp_path / "out"

    return tree


def import_all(out):
    """Import every module of a tree, and forget them."""
    generated.__path__.append(str(out))
    try:
        for path in sorted((out / "mutated").rglob("*.py")):
            name = ".".join(path.relative_to(out).with_suffix("").parts).removesuffix(".__init__")
            importlib.import_module(f"pocketsflow_async._generated.{name}")
        models = importlib.import_module(f"{NAME}.models")
        for name in models.__all__:
            getattr(models, name)
    finally:
        generated.__path__.remove(str(out))
        for name in [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]:
            del sys.modules[name]
        vars(generated).pop("mutated", None)


@pytest.mark.parametrize("seed", range(TREES))
def test_refused_or_generated(tree, seed):
    """A spec with a few random changes is refused line by line, or generated so that all of it can be imported."""
    dice = random.Random(seed)
    original = yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))
    for _ in range(6):
        document = copy.deepcopy(original)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            mutated(document, dice)

        status, told, out = tree(document)

        if status == 0:
            import_all(out)
        else:
            *lines, last = told.strip().splitlines()
            assert re.fullmatch(r"\d+ problem\(s\): nothing was written", last), told
            assert lines
            for line in lines:
                assert re.match(r"openapi/mutated\.yaml:[1-9]\d*: /\S*.*: \S", line), line


@pytest.mark.parametrize("seed", range(3))
def test_text_that_is_broken(tmp_path, capsys, seed):
    """A file in which signs were lost, doubled or swapped is refused with its line, or read."""
    dice = random.Random(seed)
    text = GOLDEN.read_text(encoding="utf-8")
    (tmp_path / "openapi").mkdir()
    path = tmp_path / "openapi" / "broken.yaml"
    for _ in range(15):
        broken = text
        for _ in range(dice.randint(1, 3)):
            start = dice.randrange(len(broken))
            with_ = dice.choice(
                ["", "\t", ":", "{", "]", "&a ", "*a", "<<: ", "\n", "\x00", "- ", "'", "!!int ", broken[:50]]
            )
            broken = broken[:start] + with_ + broken[start + dice.randint(0, 3) :]
        path.write_text(broken, encoding="utf-8", newline="\n")

        status = main(["--specs", str(path.parent), "--out", str(tmp_path / "out")])

        told = capsys.readouterr().err
        assert status == 0 or re.match(r"openapi/broken\.yaml:\d+: /", told), told


def test_lines_are_known():
    """Every place of the spec has a line, so that every refusal has one."""
    data, lines = read(GOLDEN)

    assert all(lines[pointer(*map(str, place))] > 0 for place in places(data))
