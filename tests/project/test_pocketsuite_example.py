"""The example application works as it stands, against the sandbox."""

import importlib.util
import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox

EXAMPLE = Path(__file__).parents[2] / "examples" / "pocketsuite_oauth.py"


async def test_a_user_connects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent away, granted, taken back: the tokens are in the file, and the first client is made."""
    spec = importlib.util.spec_from_file_location("pocketsuite_oauth", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setenv("POCKETSUITE_CLIENT_ID", "sandbox")
    monkeypatch.setenv("POCKETSUITE_CLIENT_SECRET", "sandbox_secret")
    monkeypatch.chdir(tmp_path)
    async with PocketSuiteSandbox() as sandbox:
        monkeypatch.setenv("POCKETSUITE_BASE_URL", sandbox.url)
        oauth = example.credentials(token_url=sandbox.token_url, authorization_url=sandbox.authorization_url)
        async with TestServer(example.application(oauth)) as server, aiohttp.ClientSession() as browser:
            async with browser.get(server.make_url("/back?code=x&state=guessed")) as page:
                assert page.status == 403
            async with browser.get(server.make_url("/"), allow_redirects=False) as page:
                away = page.headers["Location"]
            async with browser.get(away, allow_redirects=False) as page:
                query = page.headers["Location"].partition("?")[2]
            async with browser.get(server.make_url(f"/back?{query}")) as page:
                assert (await page.text()).startswith("Connected; made the client client_")
    assert json.loads((tmp_path / "tokens.json").read_text()) == {
        "access_token": oauth.tokens.access_token,
        "refresh_token": oauth.tokens.refresh_token,
    }
