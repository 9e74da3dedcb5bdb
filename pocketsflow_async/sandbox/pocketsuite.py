"""A local PocketSuite: its gateway, its OAuth 2.0 and its triggers.

async with PocketSuiteSandbox() as sandbox:
    async with PocketSuite(sandbox.oauth(), base_url=sandbox.url) as ps:
        ...
"""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from pocketsflow_async._config import RateLimit, check_clock, check_flag
from pocketsflow_async._values import is_text, number, shown
from pocketsflow_async.errors import ConfigurationError
from pocketsflow_async.pocketsuite import OAuth2
from pocketsflow_async.sandbox._bodies import Answer
from pocketsflow_async.sandbox._calls import Refused
from pocketsflow_async.sandbox._control import Control
from pocketsflow_async.sandbox._deliveries import Deliveries
from pocketsflow_async.sandbox._docs import Docs
from pocketsflow_async.sandbox._faults import Faults
from pocketsflow_async.sandbox._grants import AUTHORIZE, TOKEN, GrantRefused, Grants, oauth_spec
from pocketsflow_async.sandbox._pocketsuite_book import Book
from pocketsflow_async.sandbox._quota import Quota
from pocketsflow_async.sandbox._routes import Routes, read_spec
from pocketsflow_async.sandbox._server import Server
from pocketsflow_async.sandbox._site import Site, check_limit, check_whole
from pocketsflow_async.sandbox._validation import compile_checks

__all__ = ["PocketSuiteSandbox"]

BASE: Final = "/gateway/v1/zapier"


class PocketSuiteSandbox(Site):
    """A PocketSuite server on this machine, with invented data and one application that may ask for access.

    What is not documented is played as RFC 6749 has it, and strictly: refresh tokens change with every use, one that
    is used again ends its grant, and ten invalid requests to the token address within an hour shut everybody out.

    Args:
        clients: how many clients there are; half of them have booked and paid.
        seed: another seed, other data.
        host: the address to listen on.
        port: 0 takes any free one.
        client_id: of the application.
        client_secret: of the application.
        lifetime: seconds for which an access token is good.
        rotate: whether refresh tokens change.
        rate_limit: what each token may ask; None for no limit, since none is documented.
        clock: seconds that only ever grow; tokens and quota are timed by it.
        wall_clock: seconds since 1970, for dates.
        deliver_anywhere: whether addresses on other machines are told of triggers too.

    Attributes:
        faults: what goes wrong; paths are those on the server, such as `/gateway/oauth/token`.

    Raises:
        ConfigurationError: an argument cannot be used, or jsonschema is not installed.
    """

    def __init__(
        self,
        *,
        clients: int = 20,
        seed: int = 7,
        host: str = "127.0.0.1",
        port: int = 0,
        client_id: str = "sandbox",
        client_secret: str = "sandbox_secret",  # noqa: S107 - nothing to protect
        lifetime: float = 3600.0,
        rotate: bool = True,
        rate_limit: RateLimit | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        deliver_anywhere: bool = False,
    ) -> None:
        check_whole("clients", clients, 0, 10_000)
        check_whole("seed", seed)
        check_whole("port", port, 0, 65535)
        if (number(lifetime) or 0) <= 0:
            raise ConfigurationError(f"lifetime must be a positive number of seconds, not {shown(lifetime)}")
        for name, text in (("client_id", client_id), ("client_secret", client_secret)):
            if not is_text(text) or not text:
                raise ConfigurationError(f"{name} must be text and not empty")
        for name, flag in (("rotate", rotate), ("deliver_anywhere", deliver_anywhere)):
            check_flag(name, flag)
        for name, function in (("clock", clock), ("wall_clock", wall_clock)):
            check_clock(name, function)
        check_limit(rate_limit)
        spec = read_spec("pocketsuite")
        played: list[dict[str, Any]] = [
            {**spec, "paths": {BASE + path: item for path, item in spec["paths"].items()}},
            oauth_spec(),
        ]
        super().__init__(
            host=host,
            port=port,
            faults=Faults(seed, {path for one in played for path in one["paths"]}),
            deliveries=Deliveries(wall_clock, anywhere=deliver_anywhere),
        )
        self._client = (client_id, client_secret)
        self._grants = Grants(
            client_id=client_id, client_secret=client_secret, lifetime=lifetime, rotate=rotate, clock=clock, seed=seed
        )
        self._book = Book(clients, seed, wall_clock, self._deliveries)
        handlers = {
            **self._book.handlers(),
            ("oauth", "authorize"): self._grants.authorize,
            ("oauth", "token"): self._grants.token,
        }
        self._server = Server(
            store=None,
            routes=Routes(*played),
            checks={route: check for one in played for route, check in compile_checks(one).items()},
            keys=self._grants,
            quota=None if rate_limit is None else Quota(rate_limit, clock),
            faults=self.faults,
            done=lambda: None,
            wall_clock=wall_clock,
            handlers=lambda operation: handlers[operation.resource, operation.method],
            refuse=_refusal,
        )
        self._control = Control(self.faults, Docs(spec), _no_checkout, lambda: self.url)

    @property
    def url(self) -> str:
        """The base address of the gateway, such as http://127.0.0.1:8787/gateway/v1/zapier.

        Raises:
            ConfigurationError: the sandbox is not running.
        """
        return f"{super().url}{BASE}"

    @property
    def authorization_url(self) -> str:
        """Where users grant access; those of a sandbox grant everything at once."""
        return f"{super().url}{AUTHORIZE}"

    @property
    def token_url(self) -> str:
        """Where codes and refresh tokens are exchanged."""
        return f"{super().url}{TOKEN}"

    def oauth(self, **settings: Any) -> OAuth2:
        """Credentials with a grant of their own; `settings` are those of `OAuth2`."""
        tokens = self._grants.issue()
        known: dict[str, Any] = {
            "client_id": self._client[0],
            "client_secret": self._client[1],
            "access_token": tokens["access_token"],
            "refresh_token": tokens["refresh_token"],
            "token_url": self.token_url,
            "authorization_url": self.authorization_url,
        }
        return OAuth2(**{**known, **settings})

    def drop_access(self) -> None:
        """Let every access token be refused from now on; refresh tokens are still good."""
        self._grants.drop_access()

    def revoke(self) -> None:
        """Let all users take back what they granted."""
        self._grants.revoke()

    def fire(self, trigger: str) -> dict[str, Any]:
        """Let something happen that a trigger tells of, such as `booking.created`.

        Returns:
            The record that is told.

        Raises:
            InvalidArgumentError: there is no such trigger, or no record for it.
        """
        return self._book.fire(trigger)


def _refusal(refused: Refused) -> Answer:
    """The gateway's form of an error; what does not fit the spec is 422 there."""
    if isinstance(refused, GrantRefused):
        return Answer(refused.status, msgspec.json.encode(refused.payload), refused.headers)
    wrong = refused.code == "INVALID_PARAMETER"
    error: dict[str, Any] = {
        "code": "validation_error" if wrong else refused.code.lower(),
        "message": refused.message,
    }
    if refused.field is not None:
        error["field"] = refused.field
    return Answer(422 if wrong else refused.status, msgspec.json.encode({"error": error}), refused.headers)


def _no_checkout(_session: str, _email: str | None) -> dict[str, Any]:
    raise Refused(404, "NOT_FOUND", "there is no checkout here")
