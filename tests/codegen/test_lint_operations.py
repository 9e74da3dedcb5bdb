"""What the lint says of operations: their names, what is told about them, their parameters and bodies."""

import pytest

from codegen.lint.parameters import OWN_HEADERS
from pocketsflow_async._config import _OWN_HEADERS

LIST, CREATE = "/paths/~1orders/get", "/paths/~1orders/post"
ITEM = "/paths/~1orders~1{id}"
GET = f"{ITEM}/get"
TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def query(name, schema=None, **more):
    return {"name": name, "in": "query", "schema": schema or TEXT, **more}


def header(name, schema=None):
    return {"name": name, "in": "header", "schema": schema or TEXT}


@pytest.mark.parametrize(
    ("place", "value", "word"),
    [
        pytest.param(f"{LIST}/operationId", "listOrders", "must be `orders.list`", id="operation id"),
        pytest.param(f"{LIST}/operationId", 3, "must be `orders.list`", id="operation id no text"),
        pytest.param(f"{LIST}/x-resource", "Orders", "snake_case", id="resource not snake case"),
        pytest.param(f"{LIST}/x-resource", "class", "no Python keyword", id="resource a keyword"),
        pytest.param(f"{LIST}/x-resource", ["orders"], "snake_case", id="resource no text"),
        pytest.param(f"{LIST}/x-resource", "common", "taken", id="resource a generated module"),
        pytest.param(f"{LIST}/x-resource", "pager", "taken", id="resource an imported class"),
        pytest.param(f"{LIST}/x-resource", "cached_property", "taken", id="resource an imported function"),
        pytest.param(f"{LIST}/x-resource", "none", "taken", id="resource whose class is a keyword"),
        *(
            pytest.param(f"{LIST}/x-resource", name, "clients have anyway", id=f"resource {name}")
            for name in ("request", "quota", "aclose", "base_url", "spec_patch", "mode", "preview")
        ),
        *(
            pytest.param(f"{LIST}/x-method", name, "taken", id=f"method {name}")
            for name in ("str", "int", "float", "bool", "dt", "models")
        ),
        pytest.param(f"{LIST}/x-method", "listAll", "snake_case", id="method not snake case"),
        pytest.param(f"{LIST}/x-method", "import", "no Python keyword", id="method a keyword"),
        pytest.param(f"{LIST}/x-method", "unset", "taken", id="method an imported constant"),
        pytest.param(f"{GET}/x-method", "create", "there already", id="one method twice"),
        pytest.param(f"{GET}/operationId", "orders.create", "there already", id="one operation id twice"),
        pytest.param(f"{LIST}/x-idempotency", "often", "one of safe, key, never", id="idempotency"),
        pytest.param(f"{LIST}/x-idempotency", ["safe"], "one of safe, key, never", id="idempotency a list"),
        pytest.param(f"{LIST}/x-idempotency", "never", "only reads: write safe", id="get that is not safe"),
        pytest.param(f"{LIST}/x-stability", "stable", "one of documented", id="stability"),
        pytest.param(f"{LIST}/x-sources", [], "at least one", id="sources empty"),
        pytest.param(f"{LIST}/x-sources", "docs", "list of texts", id="sources no list"),
        pytest.param(f"{LIST}/x-sources", ["docs", 3], "list of texts", id="sources not all text"),
        pytest.param(f"{LIST}/x-sources", ["docs", " "], "list of texts", id="sources blank"),
        pytest.param(f"{LIST}/summary", "List orders", "full stop", id="summary without a full stop"),
        pytest.param(f"{LIST}/x-pagination", {}, "means nothing here", id="unknown extension"),
        pytest.param(f"{LIST}/servers", [{"url": "https://b.example"}], "is not generated", id="servers"),
        pytest.param(f"{LIST}/callbacks", {}, "is not generated", id="callbacks"),
        pytest.param(f"{ITEM}/servers", [], "is not generated", id="servers of a path"),
        pytest.param(f"{ITEM}/trace", {}, "TRACE is not generated", id="trace"),
    ],
)
def test_what_is_told(check_refused, place, value, word):
    """What an operation tells of itself must be there and mean something."""
    check_refused({place: value}, place, word)


@pytest.mark.parametrize("key", ["operationId", "x-resource", "x-method", "x-idempotency", "x-stability", "x-sources"])
def test_what_is_not_told(check_refused, key):
    """What an operation must tell of itself is missed by name."""
    check_refused({f"{LIST}/{key}": ...}, LIST, key)


def test_summary_is_missed(check_refused):
    """An operation needs a summary."""
    check_refused({f"{LIST}/summary": ...}, LIST, "summary")


def test_resources_of_one_class(check_refused):
    """Two resources whose classes would be called the same are refused."""
    edits = {
        f"{GET}/x-resource": "my_orders",
        f"{GET}/operationId": "my_orders.get",
        "/paths/~1customers/get/x-resource": "my_orders2",
        f"{CREATE}/x-resource": "my_orders_2",
    }

    check_refused(edits, "/paths/~1customers/get/x-resource", "become one class")


@pytest.mark.parametrize(
    ("path", "word"),
    [
        pytest.param("orders/x", "begins with a slash", id="no slash"),
        pytest.param("/orders/{id", "begins with a slash", id="open brace"),
        pytest.param("/orders/{}", "begins with a slash", id="empty brace"),
        pytest.param("/orders?open=true", "no query", id="query"),
        pytest.param("/orders/{id}/{id}", "twice", id="one parameter twice"),
        pytest.param("/orders/{orderId}", "no such parameter", id="not declared"),
        pytest.param("/orders#a/{id}", "no query or fragment", id="fragment"),
        pytest.param("//orders/{id}", "another host", id="two slashes"),
        pytest.param("/a\\b/{id}", "backslashes", id="backslash"),
        pytest.param("/a\u200b/{id}", "control characters", id="invisible"),
        pytest.param("/a%zz/{id}", "hexadecimal", id="no escape"),
        pytest.param("/a%2/{id}", "hexadecimal", id="half an escape"),
        pytest.param("/a/../{id}", "segments `.` or `..`", id="dots"),
        pytest.param("/a/%2E%2e/{id}", "segments `.` or `..`", id="escaped dots"),
    ],
)
def test_paths(refused, edited, path, word):
    """A path that cannot be filled in is refused."""
    problems = refused({f"/paths/{path.replace('/', '~1')}": edited({})["paths"]["/orders/{id}"], ITEM: ...})

    assert any(word in one.reason for one in problems)


@pytest.mark.parametrize(
    ("parameter", "word"),
    [
        pytest.param({"name": "x", "in": "cookie", "schema": TEXT}, "{in: header, name: Cookie}", id="cookie"),
        pytest.param({"name": "x", "in": ["query"], "schema": TEXT}, "path, query or header", id="nowhere"),
        pytest.param(header("Content-Type"), "the client sets Content-Type by itself", id="our own header"),
        pytest.param(header("accept"), "the client sets accept by itself", id="our own header in small letters"),
        pytest.param(header("Connection"), "the client sets Connection by itself", id="a header of the connection"),
        pytest.param(header("Accept-Encoding"), "the client sets Accept-Encoding by itself", id="a header of the body"),
        pytest.param(header("x", {"type": "array", "items": TEXT}), "a header carries one value", id="list in header"),
        pytest.param(
            header("x", {"$ref": "#/components/schemas/Lists"}), "cannot carry objects", id="named list in header"
        ),
        pytest.param(
            header("x", {"$ref": "#/components/schemas/Error"}), "cannot carry objects", id="object in header"
        ),
        pytest.param(header("x: y"), "is no name of a header", id="no name of a header"),
        pytest.param({"in": "query", "schema": TEXT}, "needs a name", id="no name"),
        pytest.param({"name": "x", "in": "path", "schema": TEXT}, "required: true", id="optional in the path"),
        pytest.param({"name": "x", "in": "path", "required": True, "schema": TEXT}, "no {x}", id="not in the path"),
        pytest.param(query("x", required="yes"), "true or false", id="required no flag"),
        pytest.param(query("x", style="deepObject"), "`style` is not supported", id="style"),
        pytest.param(query("x", content={}), "`content` is not supported", id="content"),
        pytest.param({"name": "x", "in": "query"}, "a scalar", id="no schema"),
        pytest.param(query("x", {"anyOf": [TEXT, TEXT]}), "name it as a component", id="union in place"),
        pytest.param(query("x", {"type": "object"}), "a scalar", id="object in place"),
        pytest.param(
            query("x", {"type": "array", "items": {"type": "array", "items": TEXT}}), "a scalar", id="list of lists"
        ),
        pytest.param(query("x", {"$ref": "#/components/schemas/Error"}), "cannot carry objects", id="object"),
        pytest.param(
            query("x", {"type": "array", "items": {"$ref": "#/components/schemas/Error"}}),
            "cannot carry objects",
            id="list of objects",
        ),
        pytest.param(query("x", {"$ref": "#/components/schemas/Lists"}), "cannot carry objects", id="lists of lists"),
        pytest.param(query("id"), "another name with x-name", id="another of that name"),
        pytest.param("id", "path, query or header", id="no parameter"),
    ],
)
def test_parameters(check_refused, parameter, word):
    """A parameter that cannot be sent, or cannot be an argument, is refused."""
    edits = {
        "/components/schemas/Lists": {"type": "array", "items": {"anyOf": [{"type": "array", "items": TEXT}, TEXT]}},
        f"{GET}/parameters": [parameter],
    }

    check_refused(edits, f"{GET}/parameters/0", word)


@pytest.mark.parametrize("place", [f"{GET}/parameters", f"{ITEM}/parameters"])
def test_a_parameter_twice(check_refused, place):
    """One list of parameters has each once; in a header capitals make no difference."""
    given = [header("X-A"), header("x-a"), {"name": "id", "in": "path", "required": True, "schema": TEXT}]

    check_refused({place: given}, f"{place}/1", "described above already")


def test_an_operation_describes_a_parameter_again(refused):
    """What an operation says of a parameter takes the place of what its path says."""
    assert refused({f"{ITEM}/parameters/1": query("a"), f"{GET}/parameters": [query("a", NUMBER)]}) == []


@pytest.mark.parametrize("name", ["class", "options", "self", "someName", "", 3])
def test_given_names(check_refused, name):
    """The name that a spec gives an argument must be free."""
    check_refused({f"{GET}/parameters": [query("x", **{"x-name": name})]}, f"{GET}/parameters/0/x-name", "snake_case")


def test_how_values_go_out_may_be_said(refused):
    """A style that the client follows anyway may be written down."""
    fine = [
        query("tags", {"type": "array", "items": TEXT}, style="form", explode=True, allowReserved=False),
        {**header("X-A"), "style": "simple", "explode": False},
    ]

    assert refused({f"{GET}/parameters": fine}) == []


@pytest.mark.parametrize("other", ["/orders/{number}", "/orders/%7bid%7d", "/ord%65rs/{id}"])
def test_paths_that_are_one(refused, edited, other):
    """Two paths that would be asked alike are refused, unless they are two for the server as well."""
    item = {"parameters": edited({})["paths"]["/orders/{id}"]["parameters"]}
    item["parameters"][0]["name"] = "number"
    edits = {f"/paths/{other.replace('/', '~1')}": item if "number" in other else {}}

    problems = refused(edits)

    assert ["put the operations of both under one path" in one.reason for one in problems] == [True] * (
        "number" in other
    )


def test_headers_may_be_parameters(refused):
    """Scalars of every kind go out in headers, of a single call and of a list."""
    fine = [
        header("X-Trace-Id"),
        header("x_old.name"),
        header("X-Status", {"$ref": "#/components/schemas/Status"}),
        header("X-N", NUMBER),
    ]

    assert (
        refused(
            {f"{GET}/parameters": fine, f"{LIST}/parameters/0": query("page", NUMBER), f"{CREATE}/parameters": fine}
        )
        == []
    )


def test_the_client_keeps_its_headers():
    """What the lint refuses is what the client sets, and what nobody may set for it."""
    assert OWN_HEADERS > _OWN_HEADERS


def test_path_parameters_are_text(check_refused):
    """What fills a path is text: the generated method takes nothing else."""
    place = f"{ITEM}/parameters/0"

    check_refused({f"{place}/schema": {"type": "integer"}}, place, "is text")


def test_body_fields_are_arguments(check_refused):
    """A parameter and a field of the body must not become one argument."""
    check_refused({f"{CREATE}/parameters": [query("buyer_email")]}, CREATE, "would both be the argument `buyer_email`")


@pytest.mark.parametrize(
    ("body", "place", "word"),
    [
        pytest.param({"content": {"text/plain": {"schema": TEXT}}}, "", "and nothing else", id="kind"),
        pytest.param({"content": {}}, "", "and nothing else", id="none"),
        pytest.param({"content": []}, "", "and nothing else", id="no mapping"),
        pytest.param("x", "", "and nothing else", id="no body"),
        pytest.param(
            {"content": {"application/json": {"schema": {"type": "object"}}}},
            "/content/application~1json",
            "$ref to an object",
            id="in place",
        ),
        pytest.param(
            {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}}},
            "/content/application~1json",
            "$ref to an object",
            id="an enum",
        ),
        pytest.param(
            {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/OrderCreate"}}}},
            "",
            "required: true",
            id="optional",
        ),
    ],
)
def test_bodies(check_refused, body, place, word):
    """A body that cannot be sent is refused."""
    check_refused({f"{CREATE}/requestBody": body}, f"{CREATE}/requestBody{place}", word)
