"""Receive webhooks with FastAPI: `uvicorn examples.webhook_fastapi:app`."""

import os

from fastapi import FastAPI, HTTPException, Request

from pocketsflow_async import WebhookVerificationError, webhooks

app = FastAPI()


@app.post("/hooks")
async def hooks(request: Request) -> dict[str, bool]:
    body = await request.body()  # the raw bytes: parsed and written again, they would not verify
    try:
        event = webhooks.construct_event(body, request.headers, os.environ["POCKETSFLOW_WEBHOOK_SECRET"])
    except WebhookVerificationError as error:
        raise HTTPException(status_code=401, detail=str(error)) from None
    print(event.type, event.data)  # answer within five seconds: hand longer work to a queue of your own
    return {"received": True}
