"""What each change of a spec means for users: where, what, and how bad."""

import pytest

from codegen.build import build
from codegen.diff.compare import compare, compare_all
from codegen.spec import load

LIST = "/paths/~1orders/get"
CREATE = "/paths/~1orders/post"
SCHEMAS = "/components/schemas"
ORDER = f"{SCHEMAS}/Order/properties"
BODY = f"{SCHEMAS}/OrderCreate/properties"
TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


@pytest.fixture
def built(write, edited):
    """What is generated from the valid spec with some edits."""
    return lambda edits, name="shop.yaml": build(load(write(edited(edits), name)), name)


@pytest.fixture
def changes(built):
    """What changes from some edits of the valid spec to others, in short."""

    def changes(old, new):
        return sorted((one.where, one.kind, one.level) for one in compare(built(old), built(new)))

    return changes


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def parameter(name, schema, **more):
    return {"name": name, "in": "query", "schema": schema, **more}


EXTRA = f"{LIST}/parameters/3"
EVENT = {
    "post": {
        "x-event": "order.paid",
        "summary": "Paid.",
        "requestBody": {"content": {"application/json": {"schema": ref("Order")}}},
    }
}

ASPECTS = {
    "renamed": ({f"{LIST}/x-method": "all"}, "orders.list", "renamed", "breaking"),
    "idempotency": ({f"{CREATE}/x-idempotency": "never"}, "orders.create", "idempotency", "behaviour"),
    "stability": ({f"{CREATE}/x-stability": "observed"}, "orders.create", "stability", "behaviour"),
    "unwrap": ({f"{CREATE}/x-unwrap": ["sale"]}, "orders.create", "unwrap", "behaviour"),
    "deprecated": ({f"{CREATE}/deprecated": True}, "orders.create", "deprecated", "behaviour"),
    "maybe no content": ({f"{CREATE}/responses/204": {"description": "."}}, "orders.create", "answer", "breaking"),
    "no content": ({f"{CREATE}/responses": {"204": {"description": "."}}}, "orders.create", "answer", "breaking"),
    "auth": ({"/security": [{"key": []}], f"{CREATE}/security": []}, "orders.create", "auth", "behaviour"),
    "largest page": ({f"{LIST}/parameters/1/schema/maximum": 90}, "orders.list", "paging", "behaviour"),
    "required": ({f"{LIST}/parameters/0/required": True}, "orders.list(page)", "required", "breaking"),
    "wider": ({f"{LIST}/parameters/0/schema/type": "number", f"{LIST}/parameters/0/schema/format": "decimal"},
              "orders.list(page)", "type", "addition"),
    "other": ({f"{LIST}/parameters/0/schema": {"type": "boolean"}}, "orders.list(page)", "type", "breaking"),
    "added": ({EXTRA: parameter("q", TEXT)}, "orders.list(q)", "added", "addition"),
    "added required": ({EXTRA: parameter("q", TEXT, required=True)}, "orders.list(q)", "added", "breaking"),
    "default": ({f"{LIST}/parameters/0/schema/default": 1}, "orders.list(page)", "default", "behaviour"),
    "body field": ({f"{BODY}/note": TEXT}, "orders.create(note)", "added", "addition"),
    "body default": ({f"{BODY}/buyerEmail/default": "a"}, "orders.create(buyer_email)", "default", "behaviour"),
    "body optional": ({f"{SCHEMAS}/OrderCreate/required": ["lines"], f"{BODY}/buyerEmail": ...},
                      "orders.create(buyer_email)", "removed", "breaking"),
    "nested body": ({f"{SCHEMAS}/OrderLine/properties/count": WHOLE}, "OrderLine.count", "added", "addition"),
    "nested body required": ({f"{SCHEMAS}/OrderLine/required": []}, "OrderLine.product", "required", "addition"),
    "field": ({f"{ORDER}/total": WHOLE}, "Order.total", "added", "addition"),
    "field gone": ({f"{ORDER}/paid": ...}, "Order.paid", "removed", "breaking"),
    "field renamed": ({f"{ORDER}/anything": ..., f"{ORDER}/something": {"x-seen": 2024}},
                      "Order.anything", "renamed", "breaking"),
    "field spelled": ({f"{ORDER}/count": ..., f"{ORDER}/_count": {"type": "integer"}}, "Order.count", "wire",
                      "behaviour"),
    "answer wider": ({f"{ORDER}/count/type": "number", f"{ORDER}/count/format": "double"}, "Order.count", "type",
                     "breaking"),
    "answer narrower": ({f"{ORDER}/rating": WHOLE}, "Order.rating", "type", "behaviour"),
    "answer other": ({f"{ORDER}/rating": TEXT}, "Order.rating", "type", "breaking"),
    "answer optional": ({f"{SCHEMAS}/Customer/required": []}, "Customer.id", "required", "breaking"),
    "answer required": ({f"{SCHEMAS}/Order/required": ["_id", "paid"]}, "Order.paid", "required", "behaviour"),
    "answer null": ({f"{ORDER}/_id/type": ["string", "null"]}, "Order.id", "nullable", "breaking"),
    "enum value": ({f"{SCHEMAS}/Status/enum": ["open", "sent.today", "lost"]}, "Status.LOST", "added", "addition"),
    "enum value gone": ({f"{SCHEMAS}/Status/enum": ["open"]}, "Status.SENT_TODAY", "removed", "breaking"),
    "event": ({"/webhooks": {"order.paid": EVENT}}, "order.paid", "added", "addition"),
}  # fmt: skip


@pytest.mark.parametrize("case", ASPECTS)
def test_one_edit_is_one_change(changes, case):
    """Each edit is told once, at its place, with what it means."""
    edits, where, kind, level = ASPECTS[case]
    old = {"/security": [{"key": []}]} if case == "auth" else {}

    found = changes(old, edits)

    # What is read also counts where it is given out: the body default and the like touch no second place.
    doubles = {"body optional": [("orders.create(lines)", "required", "breaking")]}.get(case, [])
    assert found == sorted([(where, kind, level), *doubles])


BACK = {
    "required": "addition",
    "wider": "breaking",
    "added": "breaking",
    "answer wider": "behaviour",
    "answer narrower": "breaking",
    "answer optional": "behaviour",
    "answer required": "breaking",
    "answer null": "behaviour",
    "nested body required": "breaking",
    "enum value": "breaking",
    "event": "breaking",
}


@pytest.mark.parametrize("case", BACK)
def test_the_way_back_has_its_own_level(changes, case):
    """The same edit undone is another change: the direction decides what it means."""
    edits, where, *_ = ASPECTS[case]

    assert [(place, level) for place, _, level in changes(edits, {})] == [(where, BACK[case])]


def test_no_edit_no_change(changes):
    """Words, sources and order are not what users hold: changing them is no change."""
    edits = {
        f"{LIST}/summary": "Other words.",
        f"{LIST}/x-sources": ["docs: elsewhere"],
        f"{ORDER}/_id/description": "x",
    }

    assert changes({}, edits) == []


def test_another_path_is_behaviour(changes, edited, write, built):
    """A method that asks another address under the same name behaves differently, and breaks no caller."""
    data = edited({})
    data["paths"]["/sales/{id}"] = data["paths"].pop("/orders/{id}")

    found = list(compare(built({}), build(load(write(data)), "shop.yaml")))

    assert [(one.where, one.kind, one.level) for one in found] == [("orders.get", "path", "behaviour")]
    assert "`GET /sales/{}` instead of `GET /orders/{}`" in str(found[0])


def test_an_id_under_another_name_is_renamed(edited, write, built):
    """A path parameter's name is its argument's name; the address stays what it was."""
    data = edited({})
    item = data["paths"]["/orders/{orderId}"] = data["paths"].pop("/orders/{id}")
    item["parameters"][0]["name"] = "orderId"

    found = [str(one) for one in compare(built({}), build(load(write(data)), "shop.yaml"))]

    assert found == ["`orders.get(id)` was renamed to `orders.get(order_id)`."]


def test_a_renamed_class_is_told_once(edited, write, built):
    """A schema under another name is one change, however many fields and answers name it."""
    data = edited({})
    schemas = data["components"]["schemas"]
    schemas["Buyer"] = schemas.pop("Customer")
    schemas["Order"]["properties"]["customer"]["oneOf"][0] = ref("Buyer")
    answer = data["paths"]["/customers"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer["items"] = ref("Buyer")

    found = [str(one) for one in compare(built({}), build(load(write(data)), "shop.yaml"))]

    assert found == ["`Customer` was renamed to `Buyer`."]


def test_paging(changes):
    """A list that is no list any more breaks its callers; another style of paging does not."""
    none = {f"{LIST}/x-paging": {"style": "none", "items": "orders"}}
    single = {f"{LIST}/x-paging": ...}

    assert ("orders.list", "paging", "behaviour") in changes({}, none)
    assert ("orders.list", "paging", "breaking") in changes({}, single)
    assert ("orders.list", "answer", "breaking") in changes({}, single)


def test_another_payload_of_an_event(changes):
    """An event with another class in it breaks its readers; a further spelling of its name does not."""
    other = {"post": {**EVENT["post"], "requestBody": {"content": {"application/json": {"schema": ref("Customer")}}}}}
    alias = {"post": {**EVENT["post"], "x-aliases": ["orderPaid"]}}

    assert changes({"/webhooks": {"a": EVENT}}, {"/webhooks": {"a": other}}) == [("a", "answer", "breaking")]
    assert changes({"/webhooks": {"a": EVENT}}, {"/webhooks": {"a": alias}}) == [("a", "alias", "addition")]
    assert changes({"/webhooks": {"a": alias}}, {"/webhooks": {"a": EVENT}}) == [("a", "alias", "behaviour")]


def test_whole_apis_come_and_go(built):
    """A spec that is new, or gone, is one change, and the worst stands first."""
    shop, other = built({}), built({}, "other-shop.yaml")

    found = compare_all([shop], [other])

    assert [(one.where, one.level) for one in found] == [("shop", "breaking"), ("other_shop", "addition")]


def test_ids_in_another_order_break(edited, write):
    """Ids are given by position, so another order is a break even under the same names."""
    ids = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in ("id", "line")]

    def api(path):
        data = edited({})
        item = data["paths"].pop("/orders/{id}")
        data["paths"][path] = {**item, "parameters": ids}
        return build(load(write(data)), "shop.yaml")

    found = compare(api("/orders/{id}/{line}"), api("/orders/{line}/{id}"))

    assert [str(one) for one in found] == ["`orders.get` took its ids in another order."]


def test_one_of_several_fields_is_asked_for(changes):
    """A body that must have one of some fields breaks its callers; one that has a further way does not."""
    rule = "/components/schemas/OrderCreate/anyOf"
    buyer, either = [{"required": ["lines"]}], [{"required": ["lines"]}, {"required": ["remark"]}]

    assert changes({}, {rule: buyer}) == [("orders.create", "required", "breaking")]
    assert changes({rule: buyer}, {rule: either}) == [("orders.create", "required", "addition")]
    assert changes({rule: either}, {rule: buyer}) == [("orders.create", "required", "breaking")]
    assert changes({rule: either}, {}) == [("orders.create", "required", "addition")]
