"""Rejects what a web page that is open in a browser on this machine could send to the sandbox.

A page can reach a local port under a name of its own (DNS rebinding), and can send forms and plain text across
origins. Both show in headers that a page cannot change: `Host` and `Origin`.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from pocketsflow_async.sandbox._bodies import JSON

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin_only(bound: str) -> Middleware:
    """A middleware that responds with 403 to a foreign `Host`, and to writes with a foreign `Origin`.

    Args:
        bound: the address that the sandbox listens on.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall(hdrs.HOST, [])
        foreign = [host for host in hosts if not _is_own(host, bound)]
        if foreign:
            return _forbidden(
                f"the host {foreign[0]!r} is not this sandbox: use 127.0.0.1, localhost or its own address"
            )
        if request.method not in _READS:
            for origin in request.headers.getall(hdrs.ORIGIN, []):
                if origin.partition("://")[2] not in hosts:
                    return _forbidden(f"a page of {origin!r} may not write here: send the request without a browser")
        return await handler(request)

    return check


def _is_own(host: str, bound: str) -> bool:
    """Whether a `Host` names this machine, and cannot be a name that somebody else's DNS points at it."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return False
    if (name and name in {bound.lower(), "localhost"}) or name.endswith(".localhost"):
        return True
    beyond = not _is_loopback(bound)  # then other machines and containers come by their names for this one
    try:
        return ip_address(name).is_loopback or (beyond and ip_address(bound or "::").is_unspecified)
    except ValueError:
        return beyond and name != "" and ("." not in name or name.endswith(".internal"))


def _is_loopback(bound: str) -> bool:
    try:
        return ip_address(bound).is_loopback
    except ValueError:
        return bound == "localhost"


def _forbidden(reason: str) -> web.Response:
    body = msgspec.json.encode({"error": reason, "code": "FORBIDDEN"})
    return web.Response(status=403, body=body, headers={"Content-Type": JSON})
