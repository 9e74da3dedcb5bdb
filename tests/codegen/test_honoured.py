"""What a spec says beside its types is kept: by the methods, the models, and what goes out."""

import asyncio
import importlib
import inspect
import json
import sys

import pytest
import yaml

import pocketsflow_async._generated as generated
from codegen.__main__ import main
from pocketsflow_async import RetryPolicy
from pocketsflow_async._drift import Drift
from pocketsflow_async._executor import Executor
from pocketsflow_async._response import Response
from pocketsflow_async._wire import CODECS
from pocketsflow_async.errors import APIResponseError

NAME = "pocketsflow_async._generated.honoured"
SPEC = """
openapi: 3.1.0
info: {title: Honoured, version: "1"}
servers: [{url: https://api.example.com}]
security: [{token: [read]}]
tags: [{name: things, description: Things.}]
paths:
  "/größe/a\\"b c/100%25/{id}":
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: part, in: query, schema: {type: integer}, description: Of the path.}
    get:
      <: {operationId: things.get, x-resource: things, x-method: get, x-idempotency: safe}
      deprecated: true
      summary: Read a thing.
      parameters:
        - {name: part, in: query, schema: {type: string}, description: Of the operation.}
        - {name: PART, in: query, x-name: large_part, schema: {type: string}, deprecated: true}
        - {name: withHeaders, in: query, style: form, explode: true, schema: {type: boolean}}
        - {name: X-Trace, in: header, schema: {type: string}}
      responses: {"200": {$ref: "#/components/responses/Thing"}}
    post:
      <: {operationId: things.create, x-resource: things, x-method: create, x-idempotency: key}
      summary: Create a thing.
      security: []
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/ThingCreate"}}}}
      responses: {"200": {$ref: "#/components/responses/Thing"}, "204": {description: Nothing to say.}}
    delete:
      <: {operationId: things.delete, x-resource: things, x-method: delete, x-idempotency: never}
      summary: Delete a thing.
      security: [{}]
      responses: {"204": {description: Gone.}, "202": {description: Soon gone., content: {}}}
    head:
      <: {operationId: things.has, x-resource: things, x-method: has, x-idempotency: safe}
      summary: Ask whether there is a thing.
      responses: {"200": {description: There is.}}
  /things:
    get:
      <: {operationId: things.list, x-resource: things, x-method: list, x-idempotency: safe, x-paging: {style: offset}}
      deprecated: true
      summary: List things.
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 25, default: 10}}
        - {name: offset, in: query, schema: {type: integer, minimum: 0, default: 0}}
      responses:
        "200":
          description: OK.
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}
  /search:
    post:
      <: {operationId: things.search, x-resource: things, x-method: search, x-idempotency: safe}
      x-paging: {style: body-page, items: things}
      summary: Search things.
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Search"}}}}
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Found"}}}}
  /pages:
    get:
      <: {operationId: things.pages, x-resource: things, x-method: pages, x-idempotency: safe}
      x-paging: {style: page, items: things}
      summary: List things in pages.
      parameters:
        - {name: page, in: query, schema: {type: integer, minimum: 1, default: 1}}
        - {name: pageSize, in: query, schema: {$ref: "#/components/schemas/Size"}}
      responses:
        "200": {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Found"}}}}
components:
  securitySchemes: {token: {type: http, scheme: Bearer}}
  responses:
    Thing: {description: OK., content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
  schemas:
    Sort: {type: string, enum: [created_at, -created_at, m, M, "+1", "-1", "€", "£", "", a b, a-b, "*"]}
    Named: {type: string, enum: [m, M], x-enum-varnames: [MINUTE, MONTH]}
    Size: {type: integer, exclusiveMaximum: 31, default: 10}
    Base:
      type: object
      required: [password, made]
      properties:
        made: {type: string, readOnly: true}
        password: {type: string, writeOnly: true, x-secret: true}
    Thing:
      allOf: [{$ref: "#/components/schemas/Base"}]
      required: [name, token]
      properties:
        name: {type: string}
        Name: {type: string, x-name: other_name, deprecated: true, description: Old.}
        token: {type: [string, "null"], writeOnly: true, x-secret: true}
        sort: {$ref: "#/components/schemas/Sort"}
        unit: {$ref: "#/components/schemas/Named"}
    ThingCreate:
      allOf: [{$ref: "#/components/schemas/Base"}]
      required: [name, id]
      properties:
        name: {type: string}
        id: {type: string, readOnly: true}
        about: {oneOf: [{$ref: "#/components/schemas/Thing"}, {type: "null"}], readOnly: true}
        line: {$ref: "#/components/schemas/Line"}
        key: {type: string, x-secret: true, deprecated: true}
    Line:
      type: object
      deprecated: true
      required: [number, text]
      properties: {number: {type: integer, readOnly: true}, text: {type: string}}
    Search:
      type: object
      properties:
        page: {type: integer}
        pageSize: {type: integer, maximum: 40}
        score: {type: integer, readOnly: true}
    Pagination:
      type: object
      required: [currentPage, hasMore]
      properties: {currentPage: {type: integer}, hasMore: {type: boolean}}
    Found:
      type: object
      required: [things]
      properties:
        things: {type: array, items: {$ref: "#/components/schemas/Thing"}}
        pagination: {$ref: "#/components/schemas/Pagination"}
"""


def spec():
    """The spec, with what each operation needs beside what it is here for."""
    document = yaml.safe_load(SPEC)
    for item in document["paths"].values():
        for node in item.values():
            if isinstance(node, dict):
                node |= {**node.pop("<"), "x-stability": "documented", "x-sources": ["docs"]}
    return document


@pytest.fixture(scope="module")
def honoured(tmp_path_factory):
    """Imports modules of what is generated from the spec."""
    folder = tmp_path_factory.mktemp("honoured")
    (folder / "honoured.yaml").write_text(json.dumps(spec()), encoding="utf-8")
    assert main(["--specs", str(folder), "--out", str(folder / "out")]) == 0
    generated.__path__.append(str(folder / "out"))
    yield lambda name: importlib.import_module(f"{NAME}.{name}")
    generated.__path__.remove(str(folder / "out"))
    for name in [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]:
        del sys.modules[name]
    vars(generated).pop("honoured", None)
    for reference in [one for one in CODECS if one.startswith(f"{NAME}.")]:
        del CODECS[reference]


class Transport:
    def __init__(self, body, status):
        self.response = Response(status, {}, body)
        self.seen = []

    async def send(self, request):
        self.seen.append(request)
        return self.response

    async def aclose(self):
        pass


@pytest.fixture
def ask(honoured):
    """Makes a call; gives what it answered and what went out."""

    def ask(call, body=b'{"name": "n", "made": "m"}', status=200, *, drift=None):
        transport = Transport(body, status)
        executor = Executor(transport, None, RetryPolicy(attempts=1), drift=drift)
        answer = asyncio.run(call(honoured("resources").Resources(executor).things))
        return answer, transport.seen[0]

    return ask


def names(honoured, method):
    return list(inspect.signature(getattr(honoured("operations.things").Things, method)).parameters)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_paths_are_percent_encoded(ask):
    """What RFC 3986 does not allow in a path goes out percent-encoded; escapes stay as they are."""
    _, request = ask(lambda api: api.get("a/b"))

    assert request.target == "/gr%C3%B6%C3%9Fe/a%22b%20c/100%25/a%2Fb"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_arguments_are_those_of_the_operation(ask, honoured):
    """An operation's parameter takes the place of its path's; one is called as x-name says; none is lost."""
    _, request = ask(lambda api: api.get("1", part="p", large_part="P", with_headers=True, x_trace="t"))

    assert names(honoured, "get") == ["self", "id", "part", "large_part", "with_headers", "x_trace", "options"]
    assert request.target.partition("?")[2] == "part=p&PART=P&withHeaders=true"
    assert request.headers == {"X-Trace": "t"}


def test_sizes_of_pages_are_those_of_the_spec(honoured):
    """Every style of paging asks for no more than the spec allows."""
    operations = honoured("operations.things")

    found = [(one.paging.default_size, one.paging.max_size) for one in (operations.LIST, operations.SEARCH)]
    assert found == [(10, 25), (None, 40)]
    assert (operations.PAGES.paging.default_size, operations.PAGES.paging.max_size) == (10, 30)


def test_what_is_read_only_is_not_sent(ask, honoured):
    """What only the server writes is no argument, at any depth, required or not; what it leads to is not generated."""
    models = honoured("models")
    line = models.Line(text="t")

    _, request = ask(lambda api: api.create("1", name="n", password="p", line=line))

    assert names(honoured, "create") == ["self", "id", "password", "name", "part", "line", "key", "options"]
    assert json.loads(request.body) == {"name": "n", "password": "p", "line": {"text": "t"}}
    assert "score" not in names(honoured, "search")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_write_only_may_be_missed(ask):
    """An answer without what only clients write is read, required or not; what only the server writes is required."""
    thing, _ = ask(lambda api: api.get("1"), b'{"name": "n", "made": "m"}')

    assert (thing.name, thing.made, thing.token, thing.password) == ("n", "m", None, None)
    with pytest.raises(APIResponseError, match="made"):
        ask(lambda api: api.get("1"), b'{"name": "n", "token": "t"}')


def test_secrets_are_not_printed(honoured):
    """What the spec calls secret shows in no repr, of an answer as little as of a body."""
    models = honoured("models")
    thing = models.Thing(name="n", made="m", password="hidden", token="hidden")

    assert (thing.password, thing.token) == ("hidden", "hidden")
    assert "hidden" not in repr(thing)
    assert "hidden" not in repr(models.ThingCreate(name="n", password="p", key="hidden"))


def test_the_token_goes_where_it_is_needed(honoured):
    """An operation without security, by `[]` or by `[{}]`, is not sent the token; the others are."""
    operations = honoured("operations.things")

    assert [operations.GET.auth, operations.LIST.auth] == [True, True]
    assert [operations.CREATE.auth, operations.DELETE.auth] == [False, False]


@pytest.mark.parametrize("body", [b"", b'{"unlooked": 1}', b"no JSON"])
def test_without_content_the_answer_is_none(ask, body):
    """A success without content gives None, whatever the server writes into it; so does HEAD."""
    assert ask(lambda api: api.delete("1"), body, 204, drift=Drift())[0] is None
    assert ask(lambda api: api.has("1"), body)[0] is None


def test_content_that_may_be_missing(ask, honoured):
    """Where one success has content and another has none, the method gives a model or None."""
    _, _ = made = ask(lambda api: api.create("1", name="n", password="p"), b'{"name": "n", "made": "m"}')

    assert made[0] == honoured("models").Thing(name="n", made="m")
    assert ask(lambda api: api.create("1", name="n", password="p"), b"", 204)[0] is None
    annotation = honoured("operations.things").Things.create.__annotations__["return"]
    assert annotation.replace("models.", "") == "Thing | None"


def test_what_is_deprecated_says_so(ask, honoured):
    """A call of a deprecated method warns at the caller's line; docstrings name what else is deprecated."""
    things = honoured("operations.things").Things

    with pytest.warns(DeprecationWarning, match=r"things\.get is deprecated") as caught:
        ask(lambda api: api.get("1"), b'{"name": "n", "made": "m"}')
    with pytest.warns(DeprecationWarning, match=r"things\.list is deprecated"):
        things(None).list()

    assert "executor" not in caught[0].filename
    assert "Deprecated: the API advises against it" in things.get.__doc__
    assert "large_part: Deprecated." in things.get.__doc__
    assert "key: Deprecated." in things.create.__doc__
    assert "other_name: Deprecated. Old." in honoured("models").Thing.__doc__
    assert honoured("models").Line.__doc__.startswith("Deprecated.")


def test_members_differ(honoured):
    """Values that differ in a sign, in capitals or in what is no letter are members of their own."""
    models = honoured("models")

    assert {one.name: one.value for one in models.Sort} == {
        "CREATED_AT": "created_at",
        "MINUS_CREATED_AT": "-created_at",
        "M": "m",
        "CAPITAL_M": "M",
        "PLUS_1": "+1",
        "MINUS_1": "-1",
        "EURO_SIGN": "€",
        "POUND_SIGN": "£",
        "EMPTY": "",
        "A_B": "a b",
        "A_B_2": "a-b",
        "ASTERISK": "*",
    }
    assert {one.name: one.value for one in models.Named} == {"MINUTE": "m", "MONTH": "M"}
