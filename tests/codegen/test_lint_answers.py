"""What the lint says of answers, paging, and of schemas that would have to be two classes."""

import pytest

LIST, CREATE, SEARCH = "/paths/~1orders/get", "/paths/~1orders/post", "/paths/~1orders~1search/post"
GET = "/paths/~1orders~1{id}/get"
CUSTOMERS = "/paths/~1customers/get"
SCHEMAS = "/components/schemas"
TEXT = {"type": "string"}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def answer(schema, kind="application/json"):
    return {"description": "OK.", "content": {kind: {"schema": schema}}}


@pytest.mark.parametrize(
    ("responses", "place", "word"),
    [
        pytest.param({"400": answer(ref("Error"))}, f"{GET}/responses", "describe the 2xx", id="no success"),
        pytest.param([], f"{GET}/responses", "describe the 2xx", id="no responses"),
        pytest.param({"default": answer(ref("Order"))}, f"{GET}/responses", "describe the 2xx", id="only default"),
        pytest.param({"204": answer(ref("Order"))}, f"{GET}/responses/204", "leave content out", id="204 with content"),
        pytest.param({"205": answer(ref("Order"))}, f"{GET}/responses/205", "leave content out", id="205 with content"),
        pytest.param(
            {"200": {"description": ".", "content": {"application/json": {}}}},
            f"{GET}/responses/200",
            "describe what comes back",
            id="no schema",
        ),
        pytest.param(
            {"200": answer(ref("Order"), "text/csv")}, f"{GET}/responses/200", "application/json", id="not json"
        ),
        pytest.param(
            {"200": answer(ref("Order")), "201": answer(ref("Customer"))},
            f"{GET}/responses/201",
            "one return type",
            id="two kinds",
        ),
        pytest.param({"200": answer(TEXT)}, GET, "$ref to an object component", id="text"),
        pytest.param({"200": answer(ref("Status"))}, GET, "$ref to an object component", id="an enum"),
        pytest.param(
            {"200": answer({"type": "array", "items": ref("Order")})}, GET, "x-paging is missing", id="a list"
        ),
    ],
)
def test_answers(check_refused, responses, place, word):
    """An answer that no model can be made of is refused."""
    check_refused({f"{GET}/responses": responses}, place, word)


@pytest.mark.parametrize(
    ("told", "place", "word"),
    [
        pytest.param("page", "", "needs a style", id="no mapping"),
        pytest.param({"style": "cursor"}, "", "one of page, offset, body-page, none", id="style"),
        pytest.param({"style": ["page"]}, "", "needs a style", id="style a list"),
        pytest.param({"style": "page", "items": "orders", "size": 3}, "/size", "means nothing", id="unknown key"),
        pytest.param({"style": "page"}, "", "items must name", id="no items"),
        pytest.param({"style": "page", "items": "sales"}, "/items", "items must name", id="no such property"),
        pytest.param({"style": "page", "items": "pagination"}, "/items", "items must name", id="no array"),
        pytest.param({"style": "page", "items": ["orders"]}, "/items", "items must name", id="no name"),
        pytest.param({"style": "offset", "items": "orders"}, "", "query parameter called limit", id="offset"),
        pytest.param({"style": "body-page", "items": "orders"}, "", "property of the body called page", id="body-page"),
    ],
)
def test_paging_of_envelopes(check_refused, told, place, word):
    """Paging that the generator cannot do with an envelope is refused."""
    check_refused({f"{LIST}/x-paging": told}, f"{LIST}/x-paging{place}", word)


@pytest.mark.parametrize(
    ("edits", "place", "word"),
    [
        pytest.param({f"{CUSTOMERS}/x-paging/items": "x"}, f"{CUSTOMERS}/x-paging/items", "bare array", id="items"),
        pytest.param(
            {f"{CUSTOMERS}/x-paging/style": "page"}, f"{CUSTOMERS}/x-paging", "whether more follow", id="page"
        ),
        pytest.param(
            {f"{CUSTOMERS}/responses/200": answer({"type": "array", "items": TEXT})},
            CUSTOMERS,
            "a list holds objects",
            id="array of text",
        ),
        pytest.param({f"{CUSTOMERS}/responses/200": answer(TEXT)}, CUSTOMERS, "a list answers with", id="text"),
        pytest.param(
            {f"{CUSTOMERS}/x-paging/style": "none", f"{CUSTOMERS}/requestBody": {"$ref": "#/components/x/y"}},
            f"{CUSTOMERS}/requestBody",
            "sends no body",
            id="a body",
        ),
        pytest.param(
            {f"{CUSTOMERS}/responses/204": {"description": "."}},
            f"{CUSTOMERS}/responses/204",
            "content even where it is empty",
            id="no content",
        ),
        pytest.param(
            {f"{LIST}/parameters/1/name": "size"}, f"{LIST}/x-paging", "query parameter called pageSize", id="no size"
        ),
        pytest.param(
            {f"{SEARCH}/parameters": [{"name": "x", "in": "query", "schema": TEXT}]},
            SEARCH,
            "everything in the body",
            id="body-page and query",
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderSearch/properties/line": ref("OrderLine")},
            f"{SCHEMAS}/OrderSearch/properties/line",
            "carries no objects",
            id="body-page and object",
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderPage/required": []}, f"{LIST}/x-paging/items", "must be required", id="items optional"
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderPage/properties/orders/type": ["array", "null"]},
            f"{LIST}/x-paging/items",
            "never null",
            id="items null",
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderPage/properties/pagination": ...}, f"{LIST}/x-paging", "no `pagination`", id="no pages"
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderPage/properties/pagination": ref("Customer")},
            f"{SCHEMAS}/OrderPage/properties/pagination",
            "requires `hasMore`",
            id="other pagination",
        ),
        pytest.param(
            {f"{SCHEMAS}/Pagination/properties/currentPage/type": "string"},
            f"{SCHEMAS}/OrderPage/properties/pagination",
            "requires `currentPage`, of the type integer",
            id="page no number",
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderPage/properties/hasMore": {"type": "boolean"}},
            f"{SCHEMAS}/OrderPage/properties/hasMore",
            "attribute `has_more` of its own",
            id="attribute of pages",
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderPage/properties/first": ref("Order")},
            f"{SCHEMAS}/OrderPage/properties/first",
            "a page carries no objects",
            id="object beside records",
        ),
    ],
)
def test_paging(check_refused, edits, place, word):
    """A list that could not be walked, or whose page could not be a class, is refused."""
    check_refused(edits, place, word)


@pytest.mark.parametrize(
    ("edits", "place", "word"),
    [
        pytest.param({f"{CREATE}/x-unwrap": "order"}, f"{CREATE}/x-unwrap", "list of texts", id="no list"),
        pytest.param({f"{CREATE}/x-unwrap": []}, f"{CREATE}/x-unwrap", "list of texts", id="empty"),
        pytest.param({f"{CREATE}/x-unwrap": [3]}, f"{CREATE}/x-unwrap", "list of texts", id="no texts"),
        pytest.param({f"{LIST}/x-unwrap": ["x"]}, f"{LIST}/x-unwrap", "a list is not unwrapped", id="list"),
        pytest.param(
            {f"{GET}/responses": {"204": {"description": "."}}, f"{GET}/x-unwrap": ["order"]},
            f"{GET}/x-unwrap",
            "nothing comes back",
            id="nothing",
        ),
        pytest.param({f"{GET}/x-unwrap": ["sale"]}, f"{GET}/x-unwrap", "orders.create unwraps Order", id="another way"),
    ],
)
def test_unwrap(check_refused, edits, place, word):
    """Keys to unwrap must be texts, and the same wherever a schema is the answer."""
    check_refused(edits, place, word)


@pytest.mark.parametrize(
    ("edits", "place", "word"),
    [
        pytest.param(
            {f"{SCHEMAS}/OrderCreate/properties/customer": ref("Customer")},
            f"{SCHEMAS}/Customer",
            "sent by orders.create and received by orders.list",
            id="both directions",
        ),
        pytest.param(
            {f"{GET}/responses/200": answer(ref("OrderPage"))}, f"{SCHEMAS}/OrderPage", "envelope", id="also an answer"
        ),
        pytest.param(
            {f"{SCHEMAS}/Order/properties/more": ref("OrderPage")},
            f"{SCHEMAS}/OrderPage",
            "envelope",
            id="also inside an answer",
        ),
        pytest.param(
            {
                f"{SCHEMAS}/OrderPage/required": ["orders", "buyers"],
                f"{SCHEMAS}/OrderPage/properties/buyers": {"type": "array", "items": ref("Customer")},
                f"{SEARCH}/x-paging/items": "buyers",
            },
            SEARCH,
            "holds orders for another list",
            id="two kinds of record",
        ),
        pytest.param(
            {f"{SCHEMAS}/OrderPage/properties/total": {"type": "integer"}},
            SEARCH,
            "called OrderPage, as the page of orders.list is already",
            id="two pages of one name",
        ),
        pytest.param(
            {
                f"{SCHEMAS}/OrderList": {"type": "object", "required": ["orders"]},
                f"{SCHEMAS}/OrderList/properties": {
                    "orders": {"type": "array", "items": ref("Order")},
                    "total": {"type": "integer"},
                },
                f"{CUSTOMERS}/x-paging": {"style": "none", "items": "orders"},
                f"{CUSTOMERS}/responses/200": answer(ref("OrderList")),
                f"{SCHEMAS}/OrderPager": {"type": "object"},
                f"{SCHEMAS}/Order/properties/pager": ref("OrderPager"),
            },
            CUSTOMERS,
            "called OrderPager, as a component is already",
            id="a component of the page's name",
        ),
    ],
)
def test_two_classes_at_once(check_refused, edits, place, word):
    """A schema has one part to play, and one class has one meaning."""
    check_refused(edits, place, word)


PAGE, SIZE = f"{LIST}/parameters/0/schema", f"{LIST}/parameters/1/schema"
LIMIT, OFFSET = f"{CUSTOMERS}/parameters/1/schema", f"{CUSTOMERS}/parameters/2/schema"
FIELD = f"{SCHEMAS}/OrderSearch/properties"


@pytest.mark.parametrize(
    ("place", "schema", "below", "word"),
    [
        pytest.param(SIZE, {"maximum": 0}, "", "maximum is at least 1", id="no record"),
        pytest.param(SIZE, {"minimum": 30, "maximum": 25}, "", "not below minimum", id="below minimum"),
        pytest.param(SIZE, {"minimum": 200}, "", "not below minimum", id="minimum above what is asked for"),
        pytest.param(SIZE, {"exclusiveMaximum": 1}, "", "maximum is at least 1", id="less than one"),
        pytest.param(SIZE, {"maximum": 10, "default": 20}, "/default", "has 1 to 10 records", id="default above"),
        pytest.param(LIMIT, {"maximum": 25, "default": 0}, "/default", "has 1 to 25 records", id="limit"),
        pytest.param(LIMIT, {"multipleOf": 30}, "/maximum", "which is no multiple", id="multiple"),
        pytest.param(f"{FIELD}/pageSize", {"maximum": 4, "default": 5}, "/default", "1 to 4", id="size in the body"),
        pytest.param(PAGE, {"minimum": 0}, "/minimum", "counted from 1 here", id="pages from 0"),
        pytest.param(PAGE, {"default": 0}, "/default", "use style none", id="page 0 by default"),
        pytest.param(f"{FIELD}/page", {"minimum": 0}, "/minimum", "counted from 1 here", id="page in the body"),
        pytest.param(OFFSET, {"minimum": 1}, "/minimum", "counted from 0 here", id="offsets from 1"),
        pytest.param(OFFSET, {"default": 1}, "/default", "counted from 0 here", id="offset 1 by default"),
        pytest.param(PAGE, {"type": "string"}, "", "its type is integer", id="page as text"),
        pytest.param(f"{FIELD}/page", {"readOnly": True}, "", "and it is sent", id="page that is not sent"),
    ],
)
def test_pages_that_there_are_not(check_refused, place, schema, below, word):
    """A list is asked for pages that it has, as large as the spec allows."""
    check_refused({place: {"type": "integer", **schema}}, f"{place}{below}", word)


def test_a_field_that_is_not_sent_has_no_direction(refused):
    """What a body has for answers only may be a schema of answers."""
    about = {"oneOf": [ref("Order"), {"type": "null"}], "readOnly": True}

    assert refused({f"{SCHEMAS}/OrderCreate/properties/about": about}) == []


def test_the_valid_spec_is_not_refused(refused):
    """The spec that all these tests change is fine as it is."""
    assert refused({}) == []
