"""What a vendor's document says otherwise than our spec: each difference once, whatever the document is written in."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from codegen.drift.compare import compare
from codegen.drift.document import Document

SCHEMAS = "/components/schemas"
ORDER = f"{SCHEMAS}/Order/properties"
LIST = "/paths/~1orders/get"
CREATE = f"{SCHEMAS}/OrderCreate"
TEXT = {"type": "string"}
SPECS = Path(__file__).parents[2] / "openapi"


@pytest.fixture
def drift(edited):
    """Compares the valid spec with a document, or with itself after some edits."""

    def drift(document, previews=()):
        theirs = document if "openapi" in document else edited(document)
        return compare(
            Document("here", edited({})), [Document("preview", one) for one in previews], Document("there", theirs)
        )

    return drift


def short(found):
    return [(one.kind, one.where, one.here, one.there) for one, _ in found.findings]


MUTATIONS = {
    "endpoint gone": ({"/paths/~1orders~1search": ...}, None),
    "endpoint more": ({"/paths/~1new": {"get": {"operationId": "n"}}}, ("endpoint-there", "GET /new", "", "")),
    "parameter gone": ({f"{LIST}/parameters": []}, None),
    "parameter more": ({f"{LIST}/parameters/2": {"name": "q", "in": "query", "schema": TEXT}}, None),
    "parameter required": ({f"{LIST}/parameters/0/required": True},
                           ("required", "orders.list(page)", "optional", "required")),
    "parameter type": ({f"{LIST}/parameters/0/schema/type": "string"},
                       ("type", "orders.list(page)", "integer", "string")),
    "limit": ({f"{LIST}/parameters/1/schema/maximum": 20},
              ("limit", "orders.list(pageSize)", "maximum 50", "maximum 20")),
    "default": ({f"{LIST}/parameters/1/schema/default": 10}, ("default", "orders.list(pageSize)", "20", "10")),
    "field gone": ({f"{ORDER}/paid": ...}, ("field-here", "Order.paid", "boolean", "")),
    "field more": ({f"{ORDER}/total": {"type": "number"}}, ("field-there", "Order.total", "", "number")),
    "type": ({f"{ORDER}/paid/type": "string"}, ("type", "Order.paid", "boolean", "string")),
    "whole or not": ({f"{ORDER}/count/type": "number"}, ("type", "Order.count", "integer", "number")),
    "time or date": ({f"{ORDER}/at/format": "date"}, ("type", "Order.at", "date-time", "date")),
    "list or not": ({f"{ORDER}/items": {"type": "object"}}, ("type", "Order.items", "array", "object")),
    "of a list": ({f"{SCHEMAS}/Item/properties/name/type": "integer"}, ("type", "Item.name", "string", "integer")),
    "of a map": ({f"{SCHEMAS}/Gift/allOf/1/properties/note/type": "integer"},
                 ("type", "Gift.note", "string", "integer")),
    "required": ({f"{SCHEMAS}/Order/required": ["_id", "paid"]}, ("required", "Order.paid", "optional", "required")),
    "not required": ({f"{SCHEMAS}/Customer/required": []}, ("required", "Customer._id", "required", "optional")),
    "sent": ({f"{CREATE}/required": []}, ("required", "OrderCreate.buyerEmail", "required", "optional")),
    "null sent": ({f"{CREATE}/properties/buyerEmail/type": ["string", "null"]},
                  ("type", "OrderCreate.buyerEmail", "string", "null or string")),
    "enum value": ({f"{SCHEMAS}/Status/enum": ["open", "sent.today", "lost"]}, None),
    "enum gone": ({f"{SCHEMAS}/Status": TEXT}, None),
    "form": ({"/paths/~1orders/post/requestBody/content": {"multipart/form-data": {"schema": {}}}},
             ("type", "orders.create request", "JSON", "multipart/form-data")),
    "base path": ({"/servers": [{"url": "https://api.example.com/v2"}]}, None),
}  # fmt: skip
TOLD = {
    "endpoint gone": [("endpoint-here", "POST /orders/search", "", "")],
    "parameter gone": [("field-here", f"orders.list({name})", "query parameter", "")
                       for name in ("page", "pageSize", "status")],
    "parameter more": [("field-here", "orders.list(status)", "query parameter", ""),
                       ("field-there", "orders.list(q)", "", "query parameter")],
    # A named enum has no place of its own: the places that hold it are told.
    "enum value": [("values", where, "", '"lost"')
                   for where in ("orders.list(status)", "Order.status", "OrderCreate.status")],
    "enum gone": [("enum", where, '"open", "sent.today"', "any value")
                  for where in ("orders.list(status)", "Order.status", "OrderCreate.status")],
    "base path": [("base", "base path", "/", "/v2")],
}  # fmt: skip


@pytest.mark.parametrize("case", MUTATIONS)
def test_each_mutation_is_told_once(drift, case):
    """One change of the vendor's document is one difference, however many endpoints answer with it."""
    edits, told = MUTATIONS[case]

    assert sorted(short(drift(edits))) == sorted(TOLD[case] if told is None else [told])


@pytest.mark.parametrize("name", ["pocketsflow", "pocketsflow-preview", "pocketsuite"])
def test_no_document_differs_from_itself(name):
    """A spec that is held against itself shows nothing, and nothing in it is odd."""
    data = yaml.safe_load((SPECS / f"{name}.yaml").read_text(encoding="utf-8"))

    found = compare(Document("here", data), [], Document("there", copy.deepcopy(data)))

    assert (found.findings, found.notes) == ((), ())
    assert found.compared > 5


def test_what_answers_hold_names_its_endpoints(drift):
    """A field of a schema that several endpoints answer with is told with all of them."""
    found = drift({f"{ORDER}/paid": ...})

    assert found.findings[0][1] == ("orders.list", "orders.create", "orders.get", "orders.search")


SILENCES = {
    "a type": {f"{ORDER}/paid/type": ...},
    "a limit": {f"{LIST}/parameters/1/schema/maximum": ...},
    "a default": {f"{LIST}/parameters/1/schema/default": ...},
    "null in an answer": {f"{ORDER}/paid/type": ["boolean", "null"]},
    "what is in an object": {f"{ORDER}/metadata": {"type": "object"}},
    "headers that clients set": {"/paths/~1customers/parameters": [
        {"name": "Authorization", "in": "header", "schema": TEXT}, {"name": "accept", "in": "header", "schema": TEXT}]},
    "words": {f"{LIST}/summary": "Other.", f"{ORDER}/paid/description": "Other.", f"{ORDER}/paid/example": True},
    "another operationId": {f"{LIST}/operationId": "OrdersController_findAll"},
    "our extensions": {f"{LIST}/x-paging": ..., f"{LIST}/x-resource": ...},
}  # fmt: skip


@pytest.mark.parametrize("case", SILENCES)
def test_silence_is_no_difference(drift, case):
    """What the vendor's document does not say, or says in other words, is not held against it."""
    assert short(drift(SILENCES[case])) == []


def test_an_answer_that_is_not_described_is_noted(drift):
    """Where the vendor does not say what is answered nothing is compared, and a note says so."""
    found = drift({f"{LIST}/responses": {"200": {"description": "OK."}}})

    assert short(found) == []
    assert found.notes == ("there: it does not say what these answer: orders.list",)


def test_3_0_is_3_1_in_other_words(edited):
    """Nullable, exclusive bounds, single examples and enums of one value are read in both versions alike."""
    new, old = edited({}), edited({"/openapi": "3.0.3"})
    body, other = (data["components"]["schemas"]["OrderCreate"]["properties"] for data in (new, old))
    body["note"], other["note"] = {"type": ["string", "null"]}, {"type": "string", "nullable": True, "example": "x"}
    body["over"] = {"type": "number", "exclusiveMinimum": 0}
    other["over"] = {"type": "number", "minimum": 0.0, "exclusiveMinimum": True}
    body["kind"], other["kind"] = {"const": "a"}, {"type": "string", "enum": ["a"]}
    body["line"] = {"oneOf": [{"$ref": "#/components/schemas/OrderLine"}, {"type": "null"}]}
    other["line"] = {"allOf": [{"$ref": "#/components/schemas/OrderLine"}], "nullable": True}

    for pair in ((new, old), (old, new)):
        found = compare(Document("here", pair[0]), [], Document("there", pair[1]))

        assert (short(found), found.notes) == ([], ())


def test_names_in_paths_are_their_own_business(drift, edited):
    """Path parameters are compared by position, and a trailing slash is nothing."""
    data = edited({})
    item = data["paths"]["/orders/{orderId}/"] = data["paths"].pop("/orders/{id}")
    item["parameters"][0]["name"] = "orderId"

    assert short(drift(data)) == []

    item["parameters"][0]["schema"] = {"type": "integer"}

    assert short(drift(data)) == [("type", "orders.get(id 1)", "string", "integer")]


@pytest.mark.parametrize("servers", [["https://x/v2", "https://x"], ["https://x/{v}"], ["/"], [], "wrong"])
def test_a_base_path_of_one_of_their_servers_fits(drift, servers):
    """The first of their servers whose addresses are ours is the one that counts; variables have their defaults."""
    if servers != "wrong":
        servers = [{"url": url, "variables": {"v": {"default": ""}}} for url in servers]

    assert short(drift({"/servers": servers})) == []


def test_a_base_path_may_stand_in_server_or_paths(edited, drift):
    """`/v2` in the server or in every path is the same; where it is missing here, that is one difference."""
    data = edited({})
    data["paths"] = {f"/v2{path}": item for path, item in data["paths"].items()}
    here = edited({"/servers": [{"url": "https://api.example.com/v2"}]})

    assert short(drift(data)) == [("base", "base path", "/", "/v2")]
    assert short(compare(Document("here", here), [], Document("there", data))) == []


def test_references_lead_anywhere_in_the_document(drift, edited):
    """A reference into another path, or through another reference, is followed like one to a component."""
    data = edited({"/components/schemas/Alias": {"$ref": "#/components/schemas/Order"}})
    place = "#/paths/~1orders/post/responses/200/content/application~1json/schema"
    data["paths"]["/orders/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {"$ref": place}
    data["paths"]["/orders"]["post"]["responses"]["200"] = {"$ref": "#/components/responses/Made"}
    schema = {"$ref": "#/components/schemas/Alias"}
    data["components"]["responses"]["Made"] = {"content": {"application/json; charset=utf-8": {"schema": schema}}}
    data["paths"]["/orders/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] = (
        "#/components/responses/Made/content/application~1json;%20charset=utf-8/schema"
    )

    found = drift(data)

    assert (short(found), found.notes) == ([], ())


def test_circles_end(edited):
    """Schemas that hold each other, directly, in choices or in parts, are compared to the bottom once."""
    tree = {"type": "object", "properties": {"left": {"$ref": f"#{SCHEMAS}/Tree"}, "size": {"type": "integer"}}}
    loop = {"anyOf": [{"$ref": f"#{SCHEMAS}/Tree"}, {"$ref": f"#{SCHEMAS}/Loop"}]}
    twist = {"oneOf": [{"properties": {"n": {"$ref": f"#{SCHEMAS}/Twist"}, "a": TEXT}},
                       {"properties": {"n": {"$ref": f"#{SCHEMAS}/Tree"}, "b": TEXT}}]}  # fmt: skip
    edits = {f"{SCHEMAS}/Tree": tree, f"{SCHEMAS}/Loop": loop, f"{SCHEMAS}/Twist": twist}
    edits |= {f"{ORDER}/{name.lower()}": {"$ref": f"#{SCHEMAS}/{name}"} for name in ("Tree", "Loop", "Twist")}
    here, there = edited(edits), edited(edits)
    there["components"]["schemas"]["Tree"] = {**tree, "properties": {**tree["properties"], "size": TEXT}}

    found = compare(Document("here", here), [], Document("there", there))

    assert ("type", "Tree.size", "integer", "string") in short(found)
    assert short(compare(Document("here", here), [], Document("there", copy.deepcopy(here)))) == []


def test_our_unwrapping_is_known(drift):
    """An answer that the vendor wraps under a key which our client takes off is the same answer."""
    answer = "/paths/~1orders/post/responses/200/content/application~1json/schema"
    wrapped = {"type": "object", "properties": {"order": {"$ref": "#/components/schemas/Order"}}}

    assert short(drift({answer: wrapped})) == []


def test_preview_paths(drift, edited):
    """An endpoint that was inferred is confirmed or denied, which by itself is no drift; its fields are compared."""
    posts = {"operationId": "posts.list", "responses": {"200": {"content": {"application/json": {"schema": TEXT}}}}}
    preview = {
        "openapi": "3.1.0",
        "paths": {"/posts": {"get": posts}, "/links": {"get": {"operationId": "links.list"}}},
    }

    found = drift({"/paths/~1posts": {"get": posts}}, [preview])

    assert short(found) == []
    assert found.confirmed == ("GET /customers (customers.list)", "GET /posts (posts.list)")
    assert found.denied == ("GET /links (links.list)",)


def test_events_are_compared_where_there_are_any(edited):
    """A vendor without webhooks says nothing about them; one with some is held against ours."""
    body = {"content": {"application/json": {"schema": {"$ref": f"#{SCHEMAS}/Customer"}}}}
    event = {"post": {"requestBody": body}}
    here = edited({"/webhooks": {"a": event, "b": event}})
    other = edited({"/webhooks": {"a": event, "c": event}, f"{SCHEMAS}/Customer/properties/x": TEXT})

    assert short(compare(Document("here", here), [], Document("there", edited({})))) == []
    assert [
        one for one in short(compare(Document("here", here), [], Document("there", other))) if "event" in one[1]
    ] == [
        ("endpoint-here", "event b", "", ""),
        ("endpoint-there", "event c", "", ""),
    ]


WRONG = {
    "missing schema": {f"{SCHEMAS}/Customer": ...},
    "reference out": {f"{ORDER}/customer": {"$ref": "other.yaml#/Customer"}},
    "reference to itself": {f"{SCHEMAS}/Text": {"$ref": f"#{SCHEMAS}/Text"}},
    "no mapping": {f"{SCHEMAS}/Order/properties": ["x"]},
    "no type": {f"{ORDER}/paid/type": "bool"},
    "no operation": {LIST: "x"},
    "no path item": {"/paths/~1orders": None, "/paths/~1x": 3},
    "no parameters": {f"{LIST}/parameters": {"a": 1}},
    "a stray id": {f"{LIST}/parameters/0": {"name": "id", "in": "path"}},
    "no servers": {"/servers": [3, {"url": "http://[x"}]},
    "the same path twice": {"/paths/~1orders~1{other}": {"get": {}}},
    "no schemas": {"/components": "x"},
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_documents_are_noted(drift, case):
    """A mistake in the vendor's document is a note with its place; the rest is compared all the same."""
    found = drift(WRONG[case])

    assert [note for note in found.notes if note.startswith("there: /")] != []


def test_ids_of_documents_are_text(drift, edited):
    """Statuses and values that YAML reads as numbers are the same as in JSON."""
    data = json.loads(json.dumps(edited({})))
    for item in data["paths"].values():
        for node in item.values():
            if isinstance(node, dict) and "responses" in node:
                node["responses"] = {int(status): value for status, value in node["responses"].items()}

    assert short(drift(data)) == []
