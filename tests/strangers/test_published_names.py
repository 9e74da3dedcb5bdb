"""Routes and events by the names that the vendor's pages, its Node SDK and working client code give them."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from pocketsflow_async import models
from pocketsflow_async._generated.pocketsflow import operations
from pocketsflow_async._operation import Operation

ROUTES = """
GET /products                                POST /products
GET /products/{}                             POST /products/update/{}
DELETE /products/{}                          POST /products/variants
DELETE /products/variants/{}                 GET /orders
GET /orders/{}                               GET /payments
GET /customers                               GET /customers/{}
GET /reviews                                 GET /discounts
GET /discounts/{}                            POST /discounts
POST /discounts/{}                           DELETE /discounts/{}
POST /discounts/validate                     GET /upsells
GET /upsells/{}                              POST /upsells
POST /upsells/{}                             DELETE /upsells/{}
POST /orders/subscriptions                   GET /orders/subscriptions/{}
POST /orders/subscriptions/cancel/{}         POST /orders/subscriptions/refund/{}
GET /subscriptions                           GET /subscriptions/{}
POST /subscriptions                          GET /subscriptions/subscribers
GET /webhooks                                GET /webhooks/{}
POST /webhooks                               PUT /webhooks/{}
DELETE /webhooks/{}                          POST /webhooks/{}/test
GET /users/me                                POST /users/update
POST /checkout/sessions                      GET /refunds
GET /refunds/{}                              POST /refunds
POST /newsletters/send                       GET /creator-pages/products/{}
"""


def test_every_published_route_is_an_operation() -> None:
    """The 46 routes that a page, the SDK or client code names are there, each with its own verb for updates."""
    modules = [import_module(info.name) for info in iter_modules(operations.__path__, f"{operations.__name__}.")]
    found: list[Operation[Any]] = [
        value for module in modules for value in vars(module).values() if isinstance(value, Operation)
    ]
    words = ROUTES.split()
    published = set(zip(words[::2], words[1::2], strict=True))
    ours = [(operation.method, operation.path) for operation in found]

    assert len(published) == 46
    assert published <= set(ours)
    assert len(ours) == len(set(ours))


EVENTS = """
order.completed order.refunded product.created product.updated product.deleted review.created customer.created
customer.subscription.created customer.subscription.updated customer.subscription.deleted customer.subscription.pause
customer.subscription.resumed customer.subscription.trial_will_end invoice.created invoice.upcoming invoice.paid
invoice.payment_succeeded invoice.payment_failed payment_intent.succeeded payment_intent.payment_failed
identity.verification_session.verified identity.verification_session.processing
identity.verification_session.requires_input
"""


def test_every_published_event_has_a_name() -> None:
    """All 23 events of the pages and of the SDK are known constants."""
    assert len(EVENTS.split()) == 23
    assert {event.value for event in models.WebhookEvent} == set(EVENTS.split())
