import pytest
from jsonschema import Draft202012Validator

from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._routes import Routes, read_spec

SPEC = read_spec()
GETS = sorted(path for path, item in SPEC["paths"].items() if "get" in item)
WORDS = {"username": "sandbox-store"}


def without_null(value):
    """Fields that are null taken away: any answer may have null where a field is not required."""
    if isinstance(value, dict):
        return {name: without_null(item) for name, item in value.items() if item is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


def check(path, verb, answer):
    """The body fits the schema that the spec gives for this status."""
    responses = SPEC["paths"][path][verb]["responses"]
    described = responses[str(answer.status)]
    while "$ref" in described:
        described = SPEC["components"]["responses"][described["$ref"].rpartition("/")[2]]
    schema = described["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": SPEC["components"]}).validate(without_null(answer.body))


async def an_id(ask, path):
    """The id of something that this path can read: of the first record of the nearest list above it."""
    if path.startswith("/orders/subscriptions/{id}"):
        return (await ask("POST", "/orders/subscriptions", json={})).body["subscriptions"][0]["_id"]
    lists = [one for one in GETS if "{" not in one and path.startswith(f"{one}/")]
    body = (await ask("GET", max(lists, key=len))).body
    records = body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))
    return records[0]["_id"]


@pytest.mark.parametrize("path", GETS)
async def test_every_get_answers_what_the_spec_says(ask, path):
    """Each GET of the spec answers 200 with a body that fits its schema, and has something in it."""
    values = dict(WORDS)
    if "{id}" in path:
        values["id"] = await an_id(ask, path)

    answer = await ask("GET", path.format(**values))

    assert answer.status == 200, answer.body
    assert answer.body
    check(path, "get", answer)


@pytest.mark.parametrize("path", [path for path in GETS if "{" in path])
async def test_every_get_of_nothing_answers_404(ask, path):
    """Each GET by id answers 404 to an id that nobody has, with a body that fits the spec."""
    answer = await ask("GET", path.format(id="0" * 24, username="nobody"))

    assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")
    check(path, "get", answer)


WRITES = {
    ("post", "/products"): {"name": "A", "price": 1.5},
    ("post", "/products/variants"): {"productId": "{product}", "name": "A", "price": 1},
    ("post", "/products/update/{id}"): {"price": 2},
    ("delete", "/products/{id}"): None,
    ("post", "/orders/subscriptions"): {"page": 1},
    ("post", "/orders/subscriptions/cancel/{stripeSubscriptionId}"): None,
    ("post", "/orders/subscriptions/refund/{stripeSubscriptionId}"): None,
    ("post", "/discounts"): {"name": "A", "code": "A", "value": 1, "mainProductIds": []},
    ("post", "/discounts/validate"): {"code": "WELCOME10"},
    ("post", "/discounts/{id}"): {"value": 2},
    ("delete", "/discounts/{id}"): None,
    ("post", "/upsells"): {"mainProductIds": [], "upsellProductId": "{product}", "upsellPrice": 1},
    ("post", "/upsells/{id}"): {"name": "B"},
    ("delete", "/upsells/{id}"): None,
    ("post", "/subscriptions"): {"name": "A", "price": 1, "frequency": "weekly"},
    ("post", "/webhooks"): {"url": "https://example.com", "events": ["order.completed"]},
    ("put", "/webhooks/{id}"): {"active": False},
    ("delete", "/webhooks/{id}"): None,
    ("post", "/webhooks/{id}/test"): None,
    ("post", "/users/update"): {"country": "DE"},
    ("post", "/checkout/sessions"): {"productId": "{product}"},
    ("post", "/refunds"): {"orderId": "{order}"},
    ("post", "/newsletters/send"): {"to": "a@example.com", "subject": "A", "text": "A"},
}


@pytest.mark.parametrize(("verb", "path"), WRITES)
async def test_every_other_operation_answers_what_the_spec_says(ask, verb, path):
    """Each write of the spec answers with a success of the spec and a body that fits it."""
    product = (await ask("GET", "/products")).body[0]["_id"]
    order = next(row for row in (await ask("GET", "/orders")).body["orders"] if not row["isRefunded"])["_id"]
    members = (await ask("POST", "/orders/subscriptions", json={})).body["subscriptions"]
    running = (member for member in members if member["status"] == "active")
    renewed = next(member for member in running if member["currentPeriodStart"] > member["createdAt"])
    values = {"stripeSubscriptionId": renewed["stripeSubscriptionId"]}
    if "{id}" in path:
        values["id"] = await an_id(ask, f"/{path.split('/')[1]}/{{id}}")
    body = {
        name: value.format(product=product, order=order) if isinstance(value, str) else value
        for name, value in (WRITES[verb, path] or {}).items()
    }

    answer = await ask(verb.upper(), path.format(**values), json=body)

    assert 200 <= answer.status < 300, answer.body
    check(path, verb, answer)


def test_no_operation_is_forgotten():
    """Every operation of the spec is a route, and every one is asked in this file."""
    routes = Routes(SPEC)
    described = {(verb, path) for path, item in SPEC["paths"].items() for verb in item if verb != "parameters"}
    asked = {("get", path) for path in GETS} | WRITES.keys() | {("delete", "/products/variants/{id}")}

    assert {(operation.verb.lower(), operation.template) for operation in routes.operations} == described
    assert described == asked, "add an example to WRITES in this file"


def test_literal_paths_win_over_templates():
    """A path that the spec writes out is not taken for an id, in whatever order the spec has them."""
    turned = {**SPEC, "paths": dict(reversed(SPEC["paths"].items()))}
    for routes in (Routes(SPEC), Routes(turned)):
        for path in (
            "/discounts/validate",
            "/subscriptions/subscribers",
            "/products/variants",
            "/orders/subscriptions",
        ):
            assert routes.find(path).template == path
        assert routes.find("/discounts/valid%61te").values == {"id": "validate"}
        assert routes.find("/orders/subscriptions/cancel/x").values == {"stripeSubscriptionId": "x"}
        assert routes.find("/discounts/") is None


def test_a_literal_path_wins_for_its_own_verbs_only():
    """What is written out for POST alone does not take GET away from the path with a parameter that fits as well."""
    routes = Routes(SPEC)

    assert routes.find("/orders/subscriptions", "POST").template == "/orders/subscriptions"
    found = routes.find("/orders/subscriptions", "GET")
    assert (found.template, found.values) == ("/orders/{id}", {"id": "subscriptions"})
    refused = routes.find("/orders/subscriptions", "PATCH")
    assert refused.template == "/orders/subscriptions"
    assert refused.operations.keys() == {"POST", "GET"}


async def test_an_id_that_reads_like_a_path_is_an_id(ask):
    """`GET /orders/subscriptions` asks for an order, which is not there; a verb of neither path is told all verbs."""
    assert (await ask("GET", "/orders/subscriptions")).status == 404
    refused = await ask("PATCH", "/orders/subscriptions")
    assert (refused.status, set(refused.headers["Allow"].split(", "))) == (405, {"GET", "POST"})


def operation(method, **more):
    return {"x-resource": "pictures", "x-method": method, "responses": {"200": {}}, **more}


async def test_a_resource_that_is_new_in_the_spec_works_at_once(asking, monkeypatch):
    """The kinds of operation that resources share need no code of their own; another kind says it has none."""
    body = {"content": {"application/json": {"schema": {"allOf": [{"properties": {"alt": {}}}]}}}}
    paths = {
        "/pictures": {
            "get": operation("list", **{"x-paging": {"style": "page", "items": "pictures"}}),
            "post": operation("create", requestBody=body),
        },
        "/pictures/{id}": {"get": operation("get"), "delete": operation("delete"), "patch": operation("juggle")},
    }
    spec = {**SPEC, "paths": SPEC["paths"] | paths}
    monkeypatch.setattr("pocketsflow_async.sandbox.read_spec", lambda *_name: spec)
    async with Sandbox(orders=1) as sandbox:
        ask = asking(sandbox)
        empty = (await ask("GET", "/pictures")).body
        made = (await ask("POST", "/pictures", json={"alt": "A cat", "size": 5})).body
        path = f"/pictures/{made['_id']}"

        assert empty["pagination"]["totalPages"] == 0
        assert made["alt"] == "A cat"
        assert "size" not in made
        assert (await ask("GET", path)).body == made
        assert (await ask("GET", "/pictures")).body["pictures"] == [made]
        assert (await ask("PATCH", path)).status == 501
        assert (await ask("DELETE", path)).body == {"message": "Picture deleted"}
