import sys

import pytest

from pocketsflow_async.errors import ConfigurationError
from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._calls import Refused
from pocketsflow_async.sandbox._routes import read_spec
from pocketsflow_async.sandbox._validation import compile_checks

DISCOUNT = {"name": "Sale", "code": "SALE", "value": 5, "mainProductIds": []}
OFFER = {"name": "Club", "price": 9, "frequency": "monthly"}


@pytest.mark.parametrize(
    ("path", "params", "told"),
    [
        ("/orders", {"page": "two"}, "page: must be a whole number"),
        ("/orders", {"page": "0"}, "page: must be at least 1"),
        ("/orders", {"startDate": "2024-13-01"}, "startDate: must be a date or a date with a time"),
        ("/orders", {"endDate": "2024-01-01T25:00:00Z"}, "endDate: must be a date or a date with a time"),
        ("/payments", {"type": "gold"}, "type: must be one of all, subscription"),
        ("/customers", {"offset": "-1"}, "offset: must be at least 0"),
        ("/customers", {"sortOrder": "up"}, "sortOrder: must be one of asc, desc"),
    ],
)
async def test_a_query_that_breaks_the_spec_is_refused_by_name(ask, path, params, told):
    """The answer names the parameter, says what it must be, and does not repeat what was sent."""
    answer = await ask("GET", path, params=params)

    assert answer.status == 400
    assert answer.body == {"error": told, "code": "INVALID_PARAMETER", "field": next(iter(params))}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/products", {"name": "A"}, "price: is required"),
        ("/products", {"name": None, "price": 1}, "name: must be a text"),
        ("/products", {"name": "A", "price": 1e12}, "price: must be an amount below a trillion"),
        ("/products", {"name": "A", "price": 1, "images": ["a", 5]}, "images: [1] must be a text"),
        ("/products", {"name": "A", "price": 1, "type": "rent"}, "type: must be one of one-time, subscription"),
        ("/discounts", {**DISCOUNT, "mainProductIds": "a"}, "mainProductIds: must be a list"),
        ("/discounts", {**DISCOUNT, "expiration": "soon"}, "expiration: must be a date or a date with a time"),
        ("/discounts", {**DISCOUNT, "valueType": "half"}, "valueType: must be one of percentage, fixed"),
        ("/subscriptions", {**OFFER, "frequency": "daily"}, "frequency: must be one of weekly, monthly, yearly"),
        ("/subscriptions", {**OFFER, "file": 5}, "file: must be a text or an object"),
        ("/subscriptions", {**OFFER, "design": []}, "design: must be an object"),
        ("/orders/subscriptions", {"page": 1.5}, "page: must be a whole number"),
        ("/users/update", {"firstName": 5}, "firstName: must be a text or null"),
        ("/newsletters/send", {"to": [], "subject": "A", "text": "A"}, "to: must be a text or a list"),
        ("/checkout/sessions", {"productId": "a", "metadata": "b"}, "metadata: must be an object"),
        ("/webhooks", {"url": "https://example.com"}, "events: is required"),
    ],
)
async def test_a_body_that_breaks_the_spec_is_refused_by_field(ask, path, body, told):
    """The answer names the field, and the place in it, and says what must be there."""
    answer = await ask("POST", path, json=body)

    assert answer.status == 400
    assert answer.body == {"error": told, "code": "INVALID_PARAMETER", "field": told.partition(":")[0]}


async def test_what_the_spec_does_not_name_is_let_through(ask):
    """Unknown parameters and fields are ignored, an unlisted event is registered, and a date may do for a time."""
    orders = await ask("GET", "/orders", params={"shoe": "9", "testMode": "true", "startDate": "2024-02-29"})
    product = await ask("POST", "/products", json={"name": "A", "price": 1, "hat": {"size": [1]}})
    webhook = await ask("POST", "/webhooks", json={"url": "https://example.com", "events": ["order.created"]})
    discount = await ask("POST", "/discounts", json={**DISCOUNT, "expiration": "2030-01-01"})

    assert orders.status == webhook.status == discount.status == 200
    assert product.status == 201


async def test_a_page_of_more_than_100_is_cut_in_a_body_too(ask):
    """The greatest page size is a limit of the answer, not of what may be asked for."""
    answer = await ask("POST", "/orders/subscriptions", json={"pageSize": 5000, "page": 1.0})

    assert answer.status == 200
    assert (answer.body["pagination"]["pageSize"], answer.body["pagination"]["currentPage"]) == (100, 1)


async def test_numbers_beyond_all_measure_do_no_harm(ask):
    """Huge whole numbers are pages past the end; numbers that no float can hold are no JSON."""
    far = await ask("POST", "/orders/subscriptions", data=b'{"page": 1e300}')
    farther = await ask("POST", "/orders/subscriptions", data=b'{"page": %d}' % 10**40)
    none = await ask("POST", "/products", data=b'{"name": "A", "price": 1e999}')

    assert far.body["subscriptions"] == farther.body["subscriptions"] == []
    assert (none.status, none.body["code"]) == (400, "INVALID_JSON")


def operation(**more):
    return {"x-resource": "images", "x-method": "list", "responses": {"200": {}}, **more}


def test_texts_are_read_by_the_type_of_their_parameter():
    """Whole numbers, numbers and truth are read from text; what must be there is missed."""
    kinds = {"pixels": "integer", "scale": "number", "bright": "boolean", "name": "string", "any": None}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": kind} if kind else {}} for name, kind in kinds.items()
    ]
    owner = {"name": "owner", "in": "query", "required": True, "schema": {"type": "string"}}
    trace = {"name": "trace", "in": "header", "required": True, "schema": {"type": "string"}}
    spec = {"paths": {"/images": {"parameters": [owner, trace], "get": operation(parameters=parameters)}}}
    check = compile_checks(spec)["GET", "/images"]
    given = {"owner": "me", "pixels": "-5", "scale": "1.50", "bright": "false", "name": "5", "any": "5", "b": "c"}

    read = {"owner": "me", "pixels": -5, "scale": 1.5, "bright": False, "name": "5", "any": "5"}
    assert check.read_query({}, given) == read
    for name, text in (("pixels", "1.5"), ("scale", "1e5"), ("bright", "yes")):
        with pytest.raises(Refused, match=f"{name}: must be"):
            check.read_query({}, {"owner": "me", name: text})
    with pytest.raises(Refused, match="owner: is required"):
        check.read_query({}, {})


def test_a_schema_may_contain_itself():
    """References in a circle are followed as far as a body goes; a reference may have neighbours."""
    leaf = {"$ref": "#/components/schemas/Tree", "minProperties": 1}
    tree = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}, "left": leaf}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}
    paths = {"/trees": {"post": operation(requestBody={"$ref": "#/components/requestBodies/Tree"})}}
    spec = {"paths": paths, "components": {"schemas": {"Tree": tree}, "requestBodies": {"Tree": body}}}
    check = compile_checks(spec)["POST", "/trees"]

    check.read_body({"left": {"left": {"name": "abc"}}})
    with pytest.raises(Refused, match=r"left: left\.name must have at most 3 characters"):
        check.read_body({"left": {"left": {"name": "abcd"}}})
    with pytest.raises(Refused, match="left: left is not what the spec says"):
        check.read_body({"left": {"left": {}}})


def test_every_operation_has_a_check():
    """No operation of the spec goes unchecked, and every body is looked at."""
    spec = read_spec()
    checks = compile_checks(spec)

    for path, item in spec["paths"].items():
        for verb in item.keys() - {"parameters"}:
            check = checks[verb.upper(), path]
            assert [parameter.name for parameter in check.path] == [
                part[1:-1] for part in path.split("/") if part.startswith("{")
            ]
            assert (check.body is not None) == ("requestBody" in item[verb])


def test_without_jsonschema_the_sandbox_says_what_to_install(monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "jsonschema", None)

    with pytest.raises(ConfigurationError, match="pip install jsonschema"):
        Sandbox(orders=1)
