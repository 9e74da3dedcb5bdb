"""Rejects what a web page that is open in a browser on this machine could send to the sandbox.

A page can reach a local port under a name of its own (DNS rebinding), and can send forms and plain text across
origins. Both show in headers that a page cannot change: `Host` and `Origin`.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from pocketsflow_async.sandbox._bodies import JSON

_RESERVED = (".localhost", ".internal", ".test")
"""Names that are in no public DNS; containers reach a port of their host by `host.docker.internal`."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin_only(bound: str) -> Middleware:
    """A middleware that responds with 403 to a foreign `Host`, and to writes with a foreign `Origin`.

    Args:
        bound: the address that the sandbox listens on.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = [host.lower() for host in request.headers.getall(hdrs.HOST, [])]
        named = {*hosts, request.host} if hosts else set[str]()  # with an absolute target that is another one
        foreign = [host for host in named if not _is_own(host, bound)]
        if foreign:
            return _forbidden(
                f"the host {foreign[0][:100]!r} is not this sandbox: use 127.0.0.1, localhost or its own address"
            )
        if request.method not in _READS:
            for origin in request.headers.getall(hdrs.ORIGIN, []):
                if origin.lower().partition("://")[2] not in hosts:
                    return _forbidden(
                        f"a page of {origin[:100]!r} must not write here: send the request without a browser"
                    )
        return await handler(request)

    return check


def _is_own(host: str, bound: str) -> bool:
    """Whether a `Host` names this machine, and cannot be a name that somebody else's DNS points at it."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return False
    if name in {bound.lower(), "localhost"} or name.endswith(_RESERVED):
        return True
    here, address = _address(bound), _address(name)
    beyond = bound.lower() != "localhost" and (here is None or not here.is_loopback)
    if address is not None:
        return address.is_loopback or (beyond and (here is None or here.is_unspecified))
    # Other machines and containers come by names of the local network.
    return beyond and name != "" and ("." not in name or name.endswith(".local"))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _forbidden(reason: str) -> web.Response:
    body = msgspec.json.encode({"error": reason, "code": "FORBIDDEN"})
    return web.Response(status=403, body=body, headers={"Content-Type": JSON})
