"""What the lint says of security: the client sends one bearer token, or none."""

import pytest

GET = "/paths/~1orders~1{id}/get"
SCHEMES = "/components/securitySchemes"
BEARER = {"type": "http", "scheme": "bearer"}
FLOW = {"authorizationUrl": "https://a.example", "tokenUrl": "https://a.example", "scopes": {}}
OAUTH2 = {"type": "oauth2", "flows": {"authorizationCode": FLOW}}
KEY = {"type": "apiKey", "in": "header", "name": "X-Api-Key"}


@pytest.mark.parametrize(
    ("scheme", "remedy"),
    [
        pytest.param(KEY, "{in: header, name: X-Api-Key}", id="key in a header"),
        pytest.param({**KEY, "in": "query", "name": "key"}, "{in: query, name: key}", id="key in the query"),
        pytest.param({**KEY, "in": "cookie"}, "{in: header, name: Cookie}", id="key in a cookie"),
        pytest.param({"type": "http", "scheme": "basic"}, "of your own", id="basic"),
        pytest.param({"type": "http", "scheme": "digest"}, "of your own", id="digest"),
        pytest.param({"type": "mutualTLS"}, "of your own", id="certificates"),
        pytest.param({"type": "openIdConnect", "openIdConnectUrl": "https://a.example"}, "of your own", id="openid"),
    ],
)
@pytest.mark.parametrize("place", ["/security", f"{GET}/security"])
def test_other_schemes(check_refused, place, scheme, remedy):
    """A scheme that the client cannot follow is refused where it is declared, for all calls or for one."""
    edits = {SCHEMES: {"key": scheme}, place: [{"key": []}]}

    check_refused(edits, f"{SCHEMES}/key", "the client sends `Authorization: Bearer`")
    check_refused(edits, f"{SCHEMES}/key", remedy)


@pytest.mark.parametrize(
    ("needed", "place", "word"),
    [
        pytest.param([{"kye": []}], "/security/0/kye", "is not declared (known: key, oauth, twin)", id="undeclared"),
        pytest.param([{"key": []}, {"oauth": []}], "/security", "of these alternatives keep", id="alternatives"),
        pytest.param([{}, {"key": []}], "/security", "of these alternatives keep", id="optional"),
        pytest.param([{"key": [], "oauth": []}], "/security/0", "cannot be combined", id="combined"),
        pytest.param("key", "/security", "security is a list", id="no list"),
        pytest.param(["key"], "/security/0", "a requirement is a mapping", id="no mapping"),
    ],
)
def test_requirements(check_refused, needed, place, word):
    """What a call needs is one declared scheme, or nothing."""
    check_refused({SCHEMES: {"key": BEARER, "oauth": OAUTH2, "twin": BEARER}, "/security": needed}, place, word)


def test_one_token_for_all(check_refused):
    """Operations that need another token than the rest are refused: the client has one."""
    edits = {SCHEMES: {"key": BEARER, "twin": BEARER}, "/security": [{"key": []}], f"{GET}/security": [{"twin": []}]}

    check_refused(edits, f"{GET}/security/0/twin", "the client has one token, and key is what it is for")


@pytest.mark.parametrize(
    ("scheme", "needed"),
    [
        pytest.param(BEARER, [{"key": []}], id="bearer"),
        pytest.param({**BEARER, "scheme": "Bearer"}, [{"key": []}], id="capitals"),
        pytest.param(OAUTH2, [{"key": ["read:orders"]}], id="oauth2 with scopes"),
        pytest.param(BEARER, [], id="none"),
        pytest.param(BEARER, [{}], id="none, as a mapping"),
    ],
)
def test_security_that_is_fine(refused, scheme, needed):
    """A bearer token or OAuth 2.0, for all calls or some, is what the client does."""
    assert refused({SCHEMES: {"key": scheme}, "/security": needed, f"{GET}/security": [{"key": []}]}) == []
