"""Every name that generated modules use themselves, as a name of the API: it is told apart, or refused."""

import ast
import asyncio
import builtins
import importlib
import json
import keyword
import sys
from pathlib import Path

import pytest

import pocketsflow_async._generated as generated
from codegen.__main__ import main
from codegen.lint import lint
from codegen.naming import OF_CLIENTS, OF_RESOURCES, class_name, constant_name, function_name, python_name
from codegen.problems import SpecError
from codegen.spec import Spec
from pocketsflow_async import Pocketsflow, RetryPolicy
from pocketsflow_async._base_client import Client
from pocketsflow_async._executor import Executor
from pocketsflow_async._model import Body, Model
from pocketsflow_async._response import Response
from pocketsflow_async._wire import CODECS
from pocketsflow_async.pocketsuite import PocketSuite
from pocketsflow_async.preview import Preview

NAME = "pocketsflow_async._generated.zz_"
GENERATED = Path(generated.__file__).parent
TEXT = {"type": "string"}


def identifiers(tree: ast.AST) -> set[str]:
    """The names in a module, of whatever kind."""
    found: set[str] = set()
    for node in ast.walk(tree):
        for key in ("id", "name", "arg", "attr", "asname"):
            value = getattr(node, key, None)
            if isinstance(value, str):
                found |= set(value.split("."))
    return found


def used() -> set[str]:
    """The identifiers in generated modules, and Python's own words."""
    found = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *vars(Model), *vars(Body), *dir(Client)}
    for path in (Path(__file__).parent / "golden" / "expected").rglob("*.py"):
        found |= identifiers(ast.parse(path.read_text(encoding="utf-8")))
    return found


def apart(names, key):
    """One name for each that the key makes of them, in order."""
    return sorted({key(name): name for name in sorted(names)}.values())


WORDS = apart(used(), python_name)
CLASSES = apart([class_name(name) for name in used() if class_name(name)], lambda name: function_name(class_name(name)))
PARTS = [WORDS[start : start + 50] for start in range(0, len(WORDS), 50)]
"""The words of one path each: YAML reads keys of up to 1,024 characters."""
METHODS = apart([python_name(name).rstrip("_") for name in used() if name.islower()], constant_name)


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def operation(resource, method, answer, **more):
    told = {"x-resource": resource, "x-method": method, "x-stability": "documented", "x-sources": ["docs"]}
    content = {"application/json": {"schema": ref(answer)}}
    return {
        **told,
        "operationId": f"{resource}.{method}",
        "x-idempotency": "safe",
        "summary": "Do it.",
        "responses": {"200": {"description": "OK.", "content": content}},
        **more,
    }


def document(paths, schemas):
    return {
        "openapi": "3.1.0",
        "info": {"title": "Everywhere", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": paths,
        "components": {"schemas": {"ZzSmall": {"type": "object", "properties": {"a": TEXT}}, **schemas}},
    }


def values():
    """Every word as a parameter, a header, a field and a component."""
    fields = dict.fromkeys(WORDS, TEXT)
    schemas = {
        "ZzAnswer": {"type": "object", "required": WORDS, "properties": fields},
        "ZzBody": {"type": "object", "required": WORDS, "properties": fields},
        "ZzEnum": {"type": "string", "enum": sorted(used())},
        "ZzAll": {"type": "object", "properties": {f"{name}Of": ref(name) for name in CLASSES}},
        **{name: {"type": "object", "properties": {"a": TEXT}} for name in CLASSES},
    }
    schemas["ZzAll"]["properties"]["enum"] = ref("ZzEnum")
    body = {"required": True, "content": {"application/json": {"schema": ref("ZzBody")}}}
    queries = [{"name": word, "in": "query", "schema": TEXT} for word in WORDS]
    headers = [{"name": header(word), "in": "header", "schema": TEXT} for word in WORDS]
    paths = {
        "/all": {"get": operation("zz_things", "zz_all", "ZzAll")},
        "/query": {"get": operation("zz_things", "zz_query", "ZzAnswer", parameters=queries)},
        "/header": {"get": operation("zz_things", "zz_header", "ZzSmall", parameters=headers, deprecated=True)},
        "/body": {"post": operation("zz_things", "zz_body", "ZzSmall", requestBody=body)},
    }
    for number, words in enumerate(PARTS):
        ids = [{"name": word, "in": "path", "required": True, "schema": TEXT} for word in words]
        path = "/".join([f"/ids{number}", *(f"{{{word}}}" for word in words)])
        paths[path] = {"get": operation("zz_things", f"zz_ids_{number}", "ZzSmall", parameters=ids)}
    return document(paths, schemas)


def methods():
    """Every word as a resource and as a method."""
    paths = {f"/resource/{name}": {"get": operation(name, "get", "ZzSmall")} for name in METHODS}
    paths |= {f"/method/{name}": {"get": operation("zz_methods", name, "ZzSmall")} for name in METHODS}
    return document(paths, {})


def header(word):
    return f"{word.replace('_', '-')}-H"


def without_refused(spec):
    """The spec without the components, resources and methods that the lint refuses; and what it refused."""
    problems = []
    try:
        lint(Spec(Path("x.yaml"), spec, {}))
    except SpecError as exc:
        problems = exc.problems
    for one in problems:
        top, *way = one.pointer.split("/")[1:]
        if top == "paths":
            spec["paths"].pop(way[0].replace("~1", "/"), None)
        else:
            spec["components"]["schemas"].pop(way[1], None)
            spec["components"]["schemas"]["ZzAll"]["properties"].pop(f"{way[1]}Of", None)
    return spec, {one.pointer for one in problems}


SPECS = {"values": values, "methods": methods}


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    """Imports modules of what is generated from a spec; the specs; and what was refused."""
    folder = tmp_path_factory.mktemp("everywhere")
    found = {name: without_refused(make()) for name, make in SPECS.items()}
    for name, (spec, _) in found.items():
        (folder / f"zz_{name}.yaml").write_text(json.dumps(spec), encoding="utf-8")
    assert main(["--specs", str(folder), "--out", str(folder / "out")]) == 0
    generated.__path__.append(str(folder / "out"))
    yield lambda spec, module: importlib.import_module(f"{NAME}{spec}.{module}"), found
    generated.__path__.remove(str(folder / "out"))
    for name in [name for name in sys.modules if name.startswith(NAME)]:
        del sys.modules[name]
    for reference in [one for one in CODECS if one.startswith(NAME)]:
        del CODECS[reference]
    for name in SPECS:
        vars(generated).pop(f"zz_{name}", None)


class Transport:
    def __init__(self, body):
        self.response = Response(200, {}, body)
        self.seen = []

    async def send(self, request):
        self.seen.append(request)
        return self.response

    async def aclose(self):
        pass


@pytest.fixture
def ask(everywhere):
    """Makes a call; gives what it answered and what went out."""

    def ask(method, body, /, *ids, **given):
        transport = Transport(body)
        resources = everywhere[0]("values", "resources").Resources
        things = resources(Executor(transport, None, RetryPolicy(attempts=1))).zz_things
        answer = asyncio.run(getattr(things, method)(*ids, **given))
        return answer, transport.seen[0]

    return ask


SENT = {word: f"v{number}" for number, word in enumerate(WORDS)}
GIVEN = {python_name(word): value for word, value in SENT.items()}


def test_answers_and_queries_keep_every_name(ask):
    """No name is lost or taken for another one in an answer or a query."""
    answer, request = ask("zz_query", json.dumps(SENT).encode(), **GIVEN)

    assert {word: getattr(answer, python_name(word)) for word in WORDS} == SENT
    assert request.target == "/query?" + "&".join(f"{word}={value}" for word, value in SENT.items())


def test_bodies_paths_and_headers_keep_every_name(ask):
    """No name is lost or taken for another one in a body, a path or a header."""
    heads = {header(word): value for word, value in SENT.items()}

    with pytest.warns(DeprecationWarning, match="zz_header"):
        _, headed = ask("zz_header", b"{}", **{python_name(wire): value for wire, value in heads.items()})

    assert headed.headers == heads
    assert json.loads(ask("zz_body", b"{}", **GIVEN)[1].body) == SENT
    for number, words in enumerate(PARTS):
        values = [SENT[word] for word in words]
        assert ask(f"zz_ids_{number}", b"{}", *values)[1].target == "/".join([f"/ids{number}", *values])


def test_components_are_reached(everywhere):
    """Each component that is not refused is a model; each value of an enum is a member."""
    load, found = everywhere
    models = load("values", "models")
    names = found["values"][0]["components"]["schemas"].keys() - {"ZzEnum"}

    assert {getattr(models, name).__name__ for name in names} == names
    assert {one.value for one in models.ZzEnum} == used()
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = models.Nothing


def test_resources_and_methods_are_reached(everywhere):
    """Each resource that is not refused is on a client, each method on its resource."""
    load, found = everywhere
    resources = load("methods", "resources").Resources
    client = type("Ours", (Client, resources), {"__init__": resources.__init__})(None)

    for item in found["methods"][0]["paths"].values():
        resource = getattr(client, item["get"]["x-resource"])
        assert type(resource).__name__ == class_name(item["get"]["x-resource"])
        assert "Do it." in getattr(resource, item["get"]["x-method"]).__doc__


def test_every_module_is_imported(everywhere):
    """No module of the output fails when it is imported."""
    load, _ = everywhere
    for spec in SPECS:
        root = Path(load(spec, "resources").__file__).parent
        for path in sorted(root.rglob("*.py")):
            load(spec, ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))


def test_little_is_refused(everywhere):
    """Only names that would hide something are refused."""
    refused = {spec: pointers for spec, (_, pointers) in everywhere[1].items()}

    assert len(refused["values"]) < len(CLASSES) / 6, sorted(refused["values"])
    assert len(refused["methods"]) < len(METHODS) / 2, sorted(refused["methods"])


def test_attributes_of_clients_are_known():
    """What a client has beside its resources is what no resource may be called."""
    resources = {
        name
        for cls in (Pocketsflow, PocketSuite, Preview)
        for base in cls.__mro__
        for name in vars(base)
        if base.__name__ == "Resources"
    }
    theirs = {name for cls in (Pocketsflow, PocketSuite, Preview) for name in dir(cls)} - resources

    assert {name for name in theirs if not name.startswith("_") and name.islower()} == OF_CLIENTS


def test_what_annotations_name_hides_no_method():
    """A method is not called as something that stands in the annotations of its neighbours."""
    found = set()
    for path in (GENERATED / "pocketsflow" / "operations").glob("[a-z]*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                hints = [node.returns, *(arg.annotation for arg in (*node.args.args, *node.args.kwonlyargs))]
                found |= {one.id for hint in hints if hint for one in ast.walk(hint) if isinstance(one, ast.Name)}

    assert {name for name in found if name.islower()} <= OF_RESOURCES
