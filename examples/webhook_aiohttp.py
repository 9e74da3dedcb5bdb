"""Receive webhooks with aiohttp: verified, answered in time, each handled once."""

import os

from aiohttp import web

from pocketsflow_async import webhooks
from pocketsflow_async.models import OrderEvent


async def on_event(event: webhooks.Event) -> None:
    if isinstance(event.data, OrderEvent) and event.data.order is not None:
        print(event.type, event.data.order.id, event.data.amount)


def application() -> web.Application:
    handler = webhooks.aiohttp_handler(on_event, secret=os.environ["POCKETSFLOW_WEBHOOK_SECRET"])
    app = web.Application()
    app.router.add_post("/hooks", handler)
    app.on_shutdown.append(lambda _: handler.drain())
    return app


if __name__ == "__main__":
    web.run_app(application())
