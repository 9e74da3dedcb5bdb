"""Let users of PocketSuite connect their account, and keep the tokens in a file."""

import asyncio
import json
import os
import secrets
from pathlib import Path

from aiohttp import web

from pocketsflow_async import AuthenticationError
from pocketsflow_async.pocketsuite import AuthorizationRequest, OAuth2, PocketSuite, Tokens

VAULT = Path("tokens.json")
"""Stands for the place where your secrets are stored."""


async def store(tokens: Tokens) -> None:
    """Called with every new set, before it is used."""
    text = json.dumps({"access_token": tokens.access_token, "refresh_token": tokens.refresh_token})
    await asyncio.to_thread(_write, text)


def _write(text: str) -> None:
    new = VAULT.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(VAULT)  # all of it or nothing


def credentials(**settings: str) -> OAuth2:
    stored = json.loads(VAULT.read_text()) if VAULT.exists() else {}
    return OAuth2(
        client_id=os.environ["POCKETSUITE_CLIENT_ID"],
        client_secret=os.environ["POCKETSUITE_CLIENT_SECRET"],
        redirect_uri="http://localhost:8080/back",
        on_tokens=store,
        **stored,
        **settings,
    )


class Visits:
    """Sends users away and takes them back. One at a time here; a real application keeps the request in a session."""

    def __init__(self, oauth: OAuth2) -> None:
        self.oauth = oauth
        self.request: AuthorizationRequest | None = None

    async def connect(self, _: web.Request) -> web.Response:
        self.request = self.oauth.authorize_url()
        raise web.HTTPFound(self.request.url)

    async def back(self, request: web.Request) -> web.Response:
        asked, self.request = self.request, None
        if asked is None or not secrets.compare_digest(request.query.get("state", "").encode(), asked.state.encode()):
            raise web.HTTPForbidden(text="You were not sent here by us.")
        if "code" not in request.query:
            raise web.HTTPForbidden(text=f"Not granted: {request.query.get('error', 'unknown')}")
        try:
            await self.oauth.exchange(request.query["code"], verifier=asked.verifier)
        except AuthenticationError as error:
            raise web.HTTPForbidden(text=str(error)) from None
        async with PocketSuite(self.oauth) as ps:
            client = await ps.clients.create(name="Ada Example", email="ada@example.com", custom_fields={"Dog": "Rex"})
        return web.Response(text=f"Connected; made the client {client.id}.")


def application(oauth: OAuth2) -> web.Application:
    visits = Visits(oauth)
    app = web.Application()
    app.router.add_get("/", visits.connect)
    app.router.add_get("/back", visits.back)
    return app


if __name__ == "__main__":
    web.run_app(application(credentials()), port=8080)
