"""PocketSuite, on the same machinery: its gateway for automation, its OAuth 2.0, and what its triggers send.

async with PocketSuite(OAuth2(client_id=…, client_secret=…, refresh_token=…, on_tokens=store)) as ps:
    client = await ps.clients.create(name="Ada", email="ada@example.com")
"""

from pocketsflow_async._authorization import AuthorizationRequest
from pocketsflow_async._tokens import Tokens
from pocketsflow_async.pocketsuite._client import OAuth2, PocketSuite
from pocketsflow_async.pocketsuite._triggers import TRIGGERS, Trigger, parse_trigger

__all__ = [
    "TRIGGERS",
    "AuthorizationRequest",
    "OAuth2",
    "PocketSuite",
    "Tokens",
    "Trigger",
    "parse_trigger",
]
