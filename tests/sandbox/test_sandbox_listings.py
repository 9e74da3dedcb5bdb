import pytest

from pocketsflow_async.sandbox import Sandbox


async def all_pages(ask, path, key, **params):
    """Every page of a listing with page and pageSize."""
    pages = []
    more = True
    while more:
        answer = await ask("GET", path, params={**params, "page": str(len(pages) + 1), "pageSize": "70"})
        pages.append(answer.body)
        more = answer.body["pagination"]["hasMore"]
    return [record for page in pages for record in page[key]], pages


async def test_every_order_is_reached_once(ask):
    """Paging to the end gives each of the orders once, newest first."""
    orders, pages = await all_pages(ask, "/orders", "orders")

    assert len({order["_id"] for order in orders}) == len(orders) == 300
    times = [order["createdAt"] for order in orders]
    assert times == sorted(times, reverse=True)
    assert [len(page["orders"]) for page in pages] == [70, 70, 70, 70, 20]
    assert pages[1]["pagination"] == {
        "totalCount": 300,
        "totalPages": 5,
        "currentPage": 2,
        "pageSize": 70,
        "hasMore": True,
    }


async def test_an_order_read_alone_is_the_one_in_the_listing(ask):
    """The order under an id is the record of the listing, without any wrapping."""
    listed = (await ask("GET", "/orders", params={"page": "3"})).body["orders"]

    assert [(await ask("GET", f"/orders/{order['_id']}")).body for order in listed] == listed


async def test_pages_have_20_records_unless_told_and_100_at_most(ask):
    """The size of a page is 20 by default, and more than 100 are not given."""
    plain = await ask("GET", "/orders")
    greedy = await ask("GET", "/orders", params={"pageSize": "5000"})

    assert len(plain.body["orders"]) == plain.body["pagination"]["pageSize"] == 20
    assert len(greedy.body["orders"]) == greedy.body["pagination"]["pageSize"] == 100


async def test_a_page_past_the_end_is_empty(ask):
    """Asking too far is no error."""
    answer = await ask("GET", "/orders", params={"page": "999999999999"})

    assert answer.body["orders"] == []
    assert answer.body["pagination"]["hasMore"] is False
    assert answer.body["pagination"]["currentPage"] == 999999999999


async def test_no_result_has_no_pages(asking):
    """There are 0 pages when nothing matches."""
    async with Sandbox(orders=0) as sandbox:
        for path in ("/orders", "/payments"):
            answer = await asking(sandbox)("GET", path)

            assert answer.body["pagination"] == {
                "totalCount": 0,
                "totalPages": 0,
                "currentPage": 1,
                "pageSize": 20,
                "hasMore": False,
            }


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "", "²", "9" * 16, "+1", " 1"])
@pytest.mark.parametrize("name", ["page", "pageSize"])
async def test_a_page_must_be_a_number_from_1(ask, name, value):
    """Anything else is refused, and the answer names the parameter."""
    answer = await ask("GET", "/orders", params={name: value})

    assert answer.status == 400
    assert answer.body["code"] == "INVALID_PARAMETER"
    assert answer.body["field"] == name
    assert answer.body["error"].startswith(f"{name}: must be ")


async def test_dates_include_their_whole_day(ask):
    """A startDate and endDate of one day give what was made on that day, midnight to midnight."""
    orders, _ = await all_pages(ask, "/orders", "orders")
    day = orders[100]["createdAt"][:10]

    found, _ = await all_pages(ask, "/orders", "orders", startDate=day, endDate=day)

    assert found == [order for order in orders if order["createdAt"][:10] == day]


async def test_moments_are_included(ask):
    """A date-time is one moment, to the millisecond, in any zone; both ends belong to the span."""
    orders, _ = await all_pages(ask, "/orders", "orders")
    newest, oldest = orders[40]["createdAt"], orders[90]["createdAt"]

    found, _ = await all_pages(ask, "/orders", "orders", startDate=oldest, endDate=newest)
    shifted = await ask("GET", "/orders", params={"startDate": "2024-03-01T02:00:00+02:00"})
    zulu = await ask("GET", "/orders", params={"startDate": "2024-03-01T00:00"})

    assert found == orders[40:91]
    assert shifted.body == zulu.body


async def test_the_end_before_the_start_finds_nothing(ask):
    """An empty span is no error, with or without a product."""
    product = (await ask("GET", "/products")).body[-1]["_id"]
    params = {"startDate": "2025-02-01", "endDate": "2025-01-01"}

    for more in ({}, {"productId": product}):
        answer = await ask("GET", "/orders", params=params | more)
        assert answer.body["pagination"]["totalCount"] == 0
    assert (await ask("GET", "/payments", params=params)).body["payments"] == []


@pytest.mark.parametrize(
    "value", ["yesterday", "2025-13-01", "20250101", "2025-W01-1", "2025-01-01T99:00", "1735689600"]
)
async def test_a_date_must_be_a_date(ask, value):
    """Another text is refused by name."""
    for path in ("/orders", "/payments"):
        answer = await ask("GET", path, params={"endDate": value})

        assert answer.status == 400
        assert "endDate" in answer.body["error"]


async def test_orders_of_one_product(ask):
    """With productId come exactly the orders of that product, also within a span of time."""
    orders, _ = await all_pages(ask, "/orders", "orders")
    product = orders[0]["productId"]
    wanted = [order for order in orders if order["productId"] == product]

    found, _ = await all_pages(ask, "/orders", "orders", productId=product)
    later, _ = await all_pages(ask, "/orders", "orders", productId=product, startDate="2025-01-01")

    assert found == wanted
    assert later == [order for order in wanted if order["createdAt"] >= "2025"]
    assert (await ask("GET", "/orders", params={"productId": "nothing"})).body["orders"] == []


async def test_payments_page_filter_and_tell_their_kind(ask):
    """Payments are paged newest first; type and dates narrow them down."""
    payments, _ = await all_pages(ask, "/payments", "payments")
    only, _ = await all_pages(ask, "/payments", "payments", type="subscription", startDate="2025-01-01")
    month, _ = await all_pages(ask, "/payments", "payments", type="all", startDate="2025-03-01", endDate="2025-03-31")
    wrong = await ask("GET", "/payments", params={"type": "gold"})

    assert only == [row for row in payments if row["isSubscription"] and row["createdAt"] >= "2025"]
    assert month == [row for row in payments if row["createdAt"].startswith("2025-03")]
    assert {row["isSubscription"] for row in payments} == {True, False}
    assert wrong.status == 400


async def test_customers_come_by_offset(ask):
    """A bare array of 20, or as many as asked for; the last one is short."""
    everyone = (await ask("GET", "/customers", params={"limit": "10000"})).body
    first = (await ask("GET", "/customers")).body
    last = (await ask("GET", "/customers", params={"offset": str(len(everyone) - 3), "limit": "50"})).body
    beyond = (await ask("GET", "/customers", params={"offset": "100000"})).body

    assert len({customer["_id"] for customer in everyone}) == len(everyone)
    assert first == everyone[:20]
    assert last == everyone[-3:]
    assert beyond == []
    times = [customer["createdAt"] for customer in everyone]
    assert times == sorted(times, reverse=True)
    assert (await ask("GET", f"/customers/{first[4]['_id']}")).body == first[4]


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "x"), ("offset", "-1"), ("sortBy", "shoe size")])
async def test_customers_refuse_nonsense(ask, name, value):
    """A bad parameter is refused by name."""
    answer = await ask("GET", "/customers", params={name: value})

    assert answer.status == 400
    assert name in answer.body["error"]


@pytest.mark.parametrize(
    ("field", "key"),
    [("email", "buyerEmail"), ("country", "country"), ("numberOfOrders", "numberOfOrders"), ("createdAt", "createdAt")],
)
async def test_customers_are_sorted(ask, field, key):
    """The order is that of sortBy and sortOrder; nobody is lost."""
    asked = {"limit": "10000", "sortBy": field}
    rising = (await ask("GET", "/customers", params={**asked, "sortOrder": "asc"})).body
    falling = (await ask("GET", "/customers", params={**asked, "sortOrder": "desc"})).body

    values = [customer[key] or "" for customer in rising]
    assert values == sorted(values)
    assert falling == rising[::-1]
    assert len(rising) == 90


async def test_customers_are_filtered(ask):
    """By email comes one customer, in any case of letters; by productId those who bought the product."""
    orders, _ = await all_pages(ask, "/orders", "orders")
    product = orders[0]["productId"]
    buyers = {order["customer"]["_id"] for order in orders if order["productId"] == product}
    email = orders[0]["buyerEmail"]
    other = next(order["buyerEmail"] for order in orders if order["customer"]["_id"] not in buyers)

    one = await ask("GET", "/customers", params={"email": email.upper()})
    many = await ask("GET", "/customers", params={"productId": product, "limit": "1000"})
    both = await ask("GET", "/customers", params={"productId": product, "email": other})

    assert [customer["buyerEmail"] for customer in one.body] == [email]
    assert {customer["_id"] for customer in many.body} == buyers
    assert both.body == []
    assert (await ask("GET", "/customers", params={"productId": "nothing"})).body == []


async def test_memberships_are_asked_for_in_the_body(ask):
    """Page, status and dates of the membership listing travel in the JSON body; an empty one lists all."""
    everyone = (await ask("POST", "/orders/subscriptions", json={})).body
    second = (await ask("POST", "/orders/subscriptions", json={"page": 2, "pageSize": 4})).body
    active = (await ask("POST", "/orders/subscriptions", json={"status": "active", "pageSize": 100})).body
    some = (await ask("POST", "/orders/subscriptions", json={"startDate": "2025-01-01", "endDate": "2025-06-30"})).body

    rows = everyone["subscriptions"]
    assert everyone["pagination"]["totalCount"] == len(rows) == 15
    assert second["subscriptions"] == rows[4:8]
    assert second["pagination"]["currentPage"] == 2
    assert active["subscriptions"] == [row for row in rows if row["status"] == "active"]
    assert some["subscriptions"] == [row for row in rows if "2025-01" <= row["createdAt"] < "2025-07"]
    assert (await ask("GET", f"/orders/subscriptions/{rows[0]['_id']}")).body == rows[0]


@pytest.mark.parametrize(
    "body", [{"page": "1"}, {"page": 0}, {"page": True}, {"pageSize": 1.5}, {"status": 3}, {"endDate": "soon"}]
)
async def test_a_bad_body_of_the_membership_listing_is_refused(ask, body):
    """In a body, numbers are numbers; the answer names the field."""
    answer = await ask("POST", "/orders/subscriptions", json=body)

    assert answer.status == 400
    assert next(iter(body)) in answer.body["error"]


async def test_an_end_at_the_end_of_time_is_accepted(ask):
    """The last day of the calendar is a day like any other."""
    for verb, path, sent in (
        ("GET", "/orders", {"params": {"endDate": "9999-12-31"}}),
        ("POST", "/orders/subscriptions", {"json": {"startDate": "0001-01-01", "endDate": "9999-12-31"}}),
    ):
        assert (await ask(verb, path, **sent)).body["pagination"]["totalCount"] > 0


async def test_reviews_of_one_product(ask):
    """Reviews come as one bare array, all or those of a product."""
    reviews = (await ask("GET", "/reviews")).body
    product = reviews[0]["productId"]

    found = (await ask("GET", "/reviews", params={"productId": product})).body

    assert len(reviews) == 50
    assert found == [review for review in reviews if review["productId"] == product]


async def test_upsells_come_with_their_sales(ask):
    """The upsell listing is an object of upsells and sales, and the sales are orders that exist."""
    body = (await ask("GET", "/upsells")).body

    assert body.keys() == {"upsells", "salesWithUpsells"}
    assert len(body["upsells"]) == 4
    for sale in body["salesWithUpsells"]:
        assert (await ask("GET", f"/orders/{sale['_id']}")).status == 200


async def test_subscribers_are_those_who_pay(ask):
    """Members who cancelled or paused are not among the subscribers."""
    members = (await ask("POST", "/orders/subscriptions", json={"pageSize": 100})).body["subscriptions"]
    paying = [member["_id"] for member in members if member["status"] in {"active", "past_due"}]

    assert [row["_id"] for row in (await ask("GET", "/subscriptions/subscribers")).body] == paying
