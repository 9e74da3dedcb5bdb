"""Answers in the shapes that the vendor's pages, its Node SDK and working client code show, read by our decoders.

The literals are restated by hand and know nothing of the spec, so that a slip in the spec shows here.
"""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from pocketsflow_async import Pocketsflow, models
from pocketsflow_async._generated.pocketsflow import operations
from pocketsflow_async._operation import Operation
from pocketsflow_async._wire import load

A, B, C = "65f0c0ffee00000000000001", "65f0c0ffee0000000000000b", "65f0c0ffee0000000000000c"
MORNING = dt.datetime(2024, 1, 15, 10, 30, tzinfo=dt.UTC)


def all_operations() -> dict[str, Operation[Any]]:
    modules = [import_module(info.name) for info in iter_modules(operations.__path__, f"{operations.__name__}.")]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Operation)]
    return {operation.name: operation for operation in found}


OPERATIONS = all_operations()


def read(operation: str, answer: Any) -> Any:
    """What the operation makes of an answer, given as plain data or as JSON text."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return load(OPERATIONS[operation].answer).decode(text.encode())


# ------------------------------------------------------------------------------------------------- values everywhere


@pytest.mark.parametrize("name", ["_id", "id"])
def test_an_identifier_is_called_id(name: str) -> None:
    """Records carry 24 hexadecimal characters under `_id`; `id` is read as well and is no unknown field."""
    order = read("orders.get", {name: A})

    assert order.id == A
    assert order.extra == {}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-15T10:30:00Z", MORNING),
        ("2024-01-15T10:30:00.000Z", MORNING),
        ("2024-01-15T10:30:00.123Z", MORNING.replace(microsecond=123000)),
        ("2024-01-15T12:30:00+02:00", MORNING),
        ("2024-01-15T10:30:00", MORNING),
    ],
)
def test_times_come_with_and_without_milliseconds(text: str, moment: dt.datetime) -> None:
    """Every spelling of a time is the same aware moment."""
    product = read("products.get", {"_id": A, "name": "Course", "price": 1, "createdAt": text})

    assert product.created_at == moment
    assert product.created_at.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "amount"),
    [("29.99", "29.99"), ("0", "0"), ("15", "15"), ("60.00", "60.00"), ("0.1", "0.1"), ("1e2", "100")],
)
def test_money_is_exact_and_in_major_units(text: str, amount: str) -> None:
    """An amount is the decimal number that was sent, neither multiplied nor rounded."""
    product = read("products.get", f'{{"_id": "{A}", "name": "Course", "price": {text}}}')

    assert isinstance(product.price, Decimal)
    assert product.price == Decimal(amount)


@pytest.mark.parametrize("currency", ["USD", "usd", "eur"])
def test_currencies_come_in_either_case(currency: str) -> None:
    """The code of a currency is kept as it was sent."""
    assert read("orders.get", {"_id": A, "currency": currency}).currency == currency
    assert read("products.get", {"_id": A, "name": "A", "price": 1, "currency": currency}).currency == currency


@pytest.mark.parametrize("mode", ["live", "test"])
def test_the_key_tells_the_mode(mode: str) -> None:
    """Keys begin with pk_live_ or pk_test_; 48 hexadecimal characters are usual and not asked for."""
    assert Pocketsflow(f"pk_{mode}_{'0badf00d' * 6}").mode == mode
    assert Pocketsflow(f"pk_{mode}_short").mode == mode


# ------------------------------------------------------------------------------------------------------------- pages


def pagination(**changes: Any) -> dict[str, Any]:
    return {"totalCount": 97, "totalPages": 5, "currentPage": 1, "pageSize": 20, "hasMore": True} | changes


def test_orders_come_in_pages() -> None:
    """The listing of orders has its records under `orders` and says where the page stands."""
    page = read("orders.list", {"orders": [{"_id": A}, {"_id": B}], "pagination": pagination()})

    assert [order.id for order in page.items] == [A, B]
    assert page.has_more is True
    told = page.pagination
    assert (told.total_count, told.total_pages, told.current_page, told.page_size) == (97, 5, 1, 20)


def test_payments_come_in_pages_with_less_to_say() -> None:
    """The listing of payments may leave the number of records and the size of the page out."""
    row = {"_id": A, "isSubscription": False, "amountBeforeTax": 60, "currency": "usd"}
    page = read(
        "payments.list", {"payments": [row], "pagination": {"currentPage": 1, "totalPages": 1, "hasMore": False}}
    )

    assert page.items[0].amount_before_tax == Decimal(60)
    assert page.has_more is False
    assert (page.pagination.total_count, page.pagination.page_size) == (None, None)


@pytest.mark.parametrize(
    ("operation", "key"),
    [("orders.list", "orders"), ("payments.list", "payments"), ("subscriptions.list", "subscriptions")],
)
def test_nothing_found_is_a_page_of_none(operation: str, key: str) -> None:
    """An empty result has 0 pages in all, is on page 1 and has nothing more."""
    empty = pagination(totalCount=0, totalPages=0, hasMore=False)
    page = read(operation, {key: [], "pagination": empty})

    assert (page.items, page.has_more, page.pagination.total_pages) == ([], False, 0)


def test_a_generic_envelope_is_read_too() -> None:
    """The SDK declares records under `data`; a listing that comes so is still read."""
    page = read("subscriptions.list", {"data": [{"_id": A, "status": "active"}], "pagination": pagination()})

    assert [member.id for member in page.items] == [A]


@pytest.mark.parametrize(
    "operation",
    [
        "products.list", "customers.list", "reviews.list", "discounts.list", "webhooks.list", "refunds.list",
        "subscription_offers.list", "subscription_offers.subscribers",
    ],
)  # fmt: skip
def test_other_listings_are_bare_arrays(operation: str) -> None:
    """An array is one page of which nothing is told."""
    page = read(operation, [{"_id": A, "name": "A", "price": 1}, {"_id": B, "name": "B", "price": 2}])

    assert [record.id for record in page.items] == [A, B]
    assert page.pagination is None
    assert read(operation, []).items == []


def test_upsells_come_with_their_sales() -> None:
    """The listing of upsells is an object of two arrays."""
    page = read("upsells.list", {"upsells": [{"_id": A, "upsellPrice": 19.99}], "salesWithUpsells": [{"any": 1}]})

    assert page.items[0].upsell_price == Decimal("19.99")
    assert page.sales_with_upsells == [{"any": 1}]


# ---------------------------------------------------------------------------------------------------------- products


def test_a_product_in_the_documented_listing() -> None:
    """The one published item of the listing has five fields."""
    item = {"_id": A, "name": "My course", "price": 29.99, "published": True, "createdAt": "2024-01-15T10:30:00Z"}
    [product] = read("products.list", [item]).items

    assert (product.id, product.name, product.price, product.published) == (A, "My course", Decimal("29.99"), True)
    assert product.created_at == MORNING
    assert (product.currency, product.description, product.files) == (None, None, None)


def test_a_product_of_the_sdk() -> None:
    """All fields of the SDK's type, and those that only requests and storefronts show, are known."""
    product = read(
        "products.get",
        {
            "_id": A, "userId": B, "name": "Club", "description": "All of it", "price": 99, "currency": "USD",
            "type": "subscription", "billingInterval": "month", "active": True, "published": True, "slug": "club",
            "images": ["https://example.com/1.png"], "testMode": False, "createdAt": "2024-01-15T10:30:00Z",
            "updatedAt": "2024-01-15T10:30:00.000Z", "subtitle": "S", "thumbnail": "T", "payWant": True,
            "files": [{"name": "a.pdf", "url": "https://example.com/g", "size": 1048576}, {"name": "b", "url": "c"}],
            "minPrice": 5, "maxPrice": 50.5, "ctaText": "Buy", "showSales": True, "showReviews": False,
            "refundPolicy": "None", "callbackUrl": "https://example.com/b", "hasFirstName": True, "hasLastName": True,
        },
    )  # fmt: skip

    assert (product.type, product.billing_interval) == (models.ProductType.SUBSCRIPTION, models.BillingInterval.MONTH)
    assert [(file.name, file.size) for file in product.files] == [("a.pdf", 1048576), ("b", None)]
    assert (product.min_price, product.max_price) == (Decimal(5), Decimal("50.5"))
    assert product.extra == {}


def test_null_and_absent_are_the_same_in_answers() -> None:
    """Optional fields may be null, as databases of this kind send them, or missing."""
    nulls = dict.fromkeys(["description", "type", "billingInterval", "images", "files", "createdAt", "minPrice"])

    assert read("products.get", {"_id": A, "name": "A", "price": 1, **nulls}) == read(
        "products.get", {"_id": A, "name": "A", "price": 1}
    )


def test_fields_that_nobody_published_are_kept() -> None:
    """An unknown field is no error; it is found in `extra` under its own name, and the rest is read as usual."""
    product = read("products.get", {"_id": A, "name": "A", "price": 1, "__v": 0, "gallery": {"order": [3, 1]}})

    assert product.extra == {"__v": 0, "gallery": {"order": [3, 1]}}
    assert product.name == "A"


def test_a_variant() -> None:
    """A variant names its product and has a price of its own."""
    variant = read("variants.create", {"_id": B, "productId": A, "name": "Team", "price": 49.99, "active": True})

    assert (variant.product_id, variant.price, variant.active) == (A, Decimal("49.99"), True)


# -------------------------------------------------------------------------------------------------- orders, payments

SALE = {
    "_id": C,
    "productId": A,
    "amountBeforeTax": 60.00,
    "currency": "usd",
    "isRefunded": False,
    "isDisputed": False,
    "isSubscription": False,
}


@pytest.mark.parametrize("wrap", [lambda sale: sale, lambda sale: {"sale": sale}, lambda sale: {"order": sale}])
def test_one_order_comes_bare_or_wrapped(wrap: Callable[[Any], Any]) -> None:
    """The SDK types a bare order, working code receives it under `sale`: both give the same."""
    order = read("orders.get", wrap(SALE | {"createdAt": "2024-01-15T10:30:00.000Z"}))

    assert type(order) is models.Order
    assert (order.id, order.amount_before_tax, order.is_subscription) == (C, Decimal(60), False)
    assert order.created_at == MORNING
    assert order.extra == {}


@pytest.mark.parametrize(("field", "name"), [("paidAt", "paid_at"), ("completedAt", "completed_at")])
def test_an_order_tells_its_time_in_other_words(field: str, name: str) -> None:
    """Client code looks for further times besides createdAt; two of them have an attribute."""
    assert getattr(read("orders.get", {"sale": SALE | {field: "2024-01-15T10:30:00Z"}}), name) == MORNING


@pytest.mark.parametrize("field", ["created", "date"])
def test_times_that_only_one_client_looks_for_are_kept(field: str) -> None:
    """The two remaining words for the time stay readable as unknown fields."""
    order = read("orders.get", {"sale": SALE | {field: "2024-01-15T10:30:00Z"}})

    assert order.extra == {field: "2024-01-15T10:30:00Z"}


def test_an_order_of_the_sdk() -> None:
    """The SDK's type, with fees, the product and the customer inside, and what was given at checkout."""
    [order] = read(
        "orders.list",
        {
            "orders": [
                {
                    "_id": C, "userId": B, "productId": A, "buyerEmail": "buyer@example.com", "grossAmount": 64.99,
                    "netAmount": 56.99, "taxAmount": 4.99, "stripeFee": 3.01, "paypalFee": 0, "affiliateCut": 6.5,
                    "currency": "usd", "country": "US", "isRefunded": False, "isDisputed": True, "testMode": True,
                    "product": {"_id": A, "name": "Course"}, "customer": {"_id": B, "buyerEmail": "buyer@example.com"},
                    "metadata": {"cart": "7", "nested": {"a": [1]}}, "createdAt": "2024-01-15T10:30:00Z",
                }
            ],
            "pagination": pagination(),
        },
    ).items  # fmt: skip

    assert (order.gross_amount, order.net_amount, order.tax_amount) == (
        Decimal("64.99"), Decimal("56.99"), Decimal("4.99")
    )  # fmt: skip
    assert (order.stripe_fee, order.paypal_fee, order.affiliate_cut) == (Decimal("3.01"), 0, Decimal("6.5"))
    assert (order.product.id, order.product.price, order.customer.buyer_email) == (A, None, "buyer@example.com")
    assert order.metadata == {"cart": "7", "nested": {"a": [1]}}
    assert order.extra == {}


def test_payments_of_both_kinds() -> None:
    """A one-time row names a product, a subscription row an offer; a trial costs nothing."""
    common = {"currency": "usd", "isRefunded": False, "isDisputed": False, "createdAt": "2024-01-15T10:30:00Z"}
    once = {"_id": A, "isSubscription": False, "productId": B, "amountBeforeTax": 60, "amount": 64.99, **common}
    trial = {"_id": C, "isSubscription": True, "subscriptionId": B, "amountBeforeTax": 0, **common}
    told = {"currentPage": 1, "totalPages": 1, "hasMore": False}

    first, second = read("payments.list", {"payments": [once, trial], "pagination": told}).items

    assert (first.product_id, first.subscription_id, first.amount) == (B, None, Decimal("64.99"))
    assert (second.product_id, second.subscription_id, second.amount_before_tax) == (None, B, Decimal(0))


def test_a_customer_and_a_review() -> None:
    """The filter is called `email`, the field is `buyerEmail`; marks are numbers."""
    customer = read(
        "customers.get",
        {
            "_id": A,
            "userId": B,
            "buyerEmail": "b@example.com",
            "country": "DE",
            "numberOfOrders": 3,
            "totalSpent": 194.97,
        },
    )
    [review] = read("reviews.list", [{"_id": A, "productId": B, "rating": 5, "review": "Good", "testMode": True}]).items

    assert (customer.buyer_email, customer.number_of_orders, customer.total_spent) == (
        "b@example.com", 3, Decimal("194.97")
    )  # fmt: skip
    assert (review.rating, review.review) == (5, "Good")


# ---------------------------------------------------------------------------------------- discounts, upsells, refunds


@pytest.mark.parametrize(
    ("expiration", "moment"),
    [
        ("2024-12-31T23:59:59Z", dt.datetime(2024, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("2024-12-31T23:59:59.000Z", dt.datetime(2024, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("2024-12-31", dt.datetime(2024, 12, 31, tzinfo=dt.UTC)),
        (None, None),
    ],
)
def test_a_discount(expiration: str | None, moment: dt.datetime | None) -> None:
    """It ends at a time, on a date or never; its value is a percentage or an amount."""
    discount = read(
        "discounts.get",
        {"_id": A, "name": "Sale", "code": "SALE20", "value": 20, "valueType": "percentage", "active": True,
         "mainProductIds": [B], "expiration": expiration, "used": 3},
    )  # fmt: skip

    assert (discount.value, discount.value_type, discount.used) == (Decimal(20), "percentage", 3)
    assert discount.expiration == moment
    assert discount.main_product_ids == [B]


def test_the_answer_to_a_discount_code_is_whatever_it_is() -> None:
    """No page says what validate answers, so every field can be read from `extra`."""
    assert read("discounts.validate", {"valid": True, "discount": {"value": 20}}).extra == {
        "valid": True,
        "discount": {"value": 20},
    }


@pytest.mark.parametrize("status", ["pending", "completed", "failed", "succeeded"])
def test_refunds_have_two_vocabularies(status: str) -> None:
    """The REST words and the one of webhooks are all read, and compare with their text."""
    refund = read(
        "refunds.get", {"_id": A, "orderId": B, "amount": 64.99, "reason": "requested_by_customer", "status": status}
    )

    assert (refund.status, refund.amount, refund.reason) == (status, Decimal("64.99"), "requested_by_customer")
    assert isinstance(refund.status, models.RefundStatus)
    assert (status in [known.value for known in models.RefundStatus]) is (status != "succeeded")


# -------------------------------------------------------------------------------------- memberships, offers, webhooks

STATUSES = ["active", "canceled", "paused", "past_due"]
MORE_STATUSES = ["trialing", "cancelled", "expired", "ended", "incomplete_expired"]


@pytest.mark.parametrize("status", STATUSES + MORE_STATUSES)
def test_a_membership_of_any_status(status: str) -> None:
    """The SDK's four statuses are members of the enum; those that clients guard against are read as well."""
    member = read(
        "subscriptions.get",
        {"_id": A, "userId": B, "customerId": "cus_8Qx2m1", "productId": C, "stripeSubscriptionId": "sub_1",
         "status": status, "currentPeriodStart": "2024-01-15T10:30:00Z", "currentPeriodEnd": "2024-02-15T10:30:00.000Z",
         "cancelAtPeriodEnd": False, "testMode": True, "createdAt": "2024-01-15T10:30:00Z"},
    )  # fmt: skip

    assert member.status == status
    assert (status in [known.value for known in models.SubscriptionStatus]) is (status in STATUSES)
    assert member.current_period_start == MORNING
    assert member.extra == {}


def test_a_membership_without_a_processor() -> None:
    """The processor's id may be missing."""
    assert read("subscriptions.get", {"_id": A, "status": "active"}).stripe_subscription_id is None


@pytest.mark.parametrize("frequency", ["weekly", "monthly", "yearly"])
def test_an_offer_counts_in_its_own_words(frequency: str) -> None:
    """Offers are weekly, monthly or yearly, where products say month and year."""
    offer = read(
        "subscription_offers.get", {"_id": A, "name": "Club", "price": 15, "frequency": frequency, "trialPeriod": 7}
    )

    assert (offer.frequency, offer.price, offer.trial_period) == (frequency, Decimal(15), 7)
    assert frequency in [known.value for known in models.OfferFrequency]
    assert {known.value for known in models.BillingInterval} == {"month", "year"}


@pytest.mark.parametrize("secret", [{"secret": "whsec_example"}, {}])
def test_a_webhook_with_and_without_its_secret(secret: dict[str, str]) -> None:
    """The secret is there at creation; names of events that are in examples only are no error."""
    events = ["order.completed", "customer.subscription.created", "order.created", "customer.subscription.paused"]
    hook = read("webhooks.get", {"_id": A, "url": "https://example.com/h", "events": events, "active": True, **secret})

    assert hook.secret == secret.get("secret")
    assert hook.events == events
    assert all(isinstance(event, models.WebhookEvent) for event in hook.events)


# --------------------------------------------------------------------------------------- account, checkout, messages


def test_the_account() -> None:
    """The seller's account, with its currency in capitals."""
    user = read(
        "users.me",
        {"_id": A, "userId": "auth0|1", "email": "s@example.com", "firstName": "Ada", "subdomain": "ada",
         "currency": "USD", "testMode": False, "hasSales": True, "createdFirstProduct": True},
    )  # fmt: skip

    assert (user.email, user.first_name, user.last_name, user.has_sales) == ("s@example.com", "Ada", None, True)


@pytest.mark.parametrize(
    "url", ["https://store.pocketsflow.com/checkout?session=cs_1", "https://a.example/checkout/cs_1"]
)
def test_a_checkout_session(url: str) -> None:
    """It has an id that begins with cs_ and an address whose form is nobody's business."""
    session = read("checkout.create", {"id": "cs_a1b2c3", "url": url})

    assert session == models.CheckoutSession(id="cs_a1b2c3", url=url)


@pytest.mark.parametrize(
    "operation", ["products.delete", "subscriptions.cancel", "subscriptions.refund", "webhooks.test"]
)
def test_what_returns_nothing_returns_a_message(operation: str) -> None:
    """Deleting, cancelling, refunding and testing answer with a sentence."""
    assert read(operation, {"message": "Done"}) == models.Message(message="Done")


def test_a_sent_newsletter() -> None:
    """The answer names the post that was recorded and the addresses that were accepted."""
    sent = read("newsletters.send", {"id": A, "accepted": ["a@example.com", "b@example.com"], "status": "sent"})

    assert (sent.id, sent.accepted, sent.status) == (A, ["a@example.com", "b@example.com"], "sent")


def test_a_storefront() -> None:
    """Public products have no id; some are not published, some lack a slug."""
    products = [
        {"name": "A", "slug": "a", "price": 0, "payWant": True, "minPrice": 3, "published": True},
        {"name": "B"},
    ]
    page = read("creator_pages.products", {"products": products})

    assert [(one.slug, one.published, one.min_price) for one in page.products] == [("a", True, 3), (None, None, None)]
