import copy
import math
import pickle
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import aiohttp
import attrs
import numpy as np
import pytest
from fakes import pickled

from pocketsflow_async import ConfigurationError, Pocketsflow, RateLimit, RateLimiter, RequestOptions, RetryPolicy
from pocketsflow_async._config import Secret, check_base_url

KEY = "pk_test_0123456789abcdef"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes from the environment unless a test puts it there."""
    monkeypatch.delenv("POCKETSFLOW_API_KEY", raising=False)
    monkeypatch.delenv("POCKETSFLOW_BASE_URL", raising=False)


def test_without_a_key_there_is_no_client():
    """The error says how to give the key."""
    with pytest.raises(ConfigurationError, match=r"pass api_key=… or set POCKETSFLOW_API_KEY"):
        Pocketsflow()


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("   ", id="blank"),
        pytest.param("pk_test_ a", id="inner space"),
        pytest.param(" pk_test_a", id="leading space"),
        pytest.param("pk_test_a\n", id="newline"),
        pytest.param("pk_test_a\r\nX-Other: b", id="header injection"),
        pytest.param("pk_test_a\x00", id="control character"),
        pytest.param("pk_test_ä", id="not ASCII"),
        pytest.param("pk_test_a\N{ZERO WIDTH SPACE}", id="invisible"),
        pytest.param(b"pk_test_a", id="bytes"),
        pytest.param(5, id="number"),
    ],
)
def test_a_key_that_no_header_can_carry_is_refused(key):
    """A key with white space, control characters or letters beyond ASCII is a slip in copying it."""
    with pytest.raises(ConfigurationError) as caught:
        Pocketsflow(key)

    assert str(key) not in str(caught.value) or not str(key).strip()


def test_a_bad_key_in_the_environment_names_the_variable(monkeypatch):
    """The error says where the bad key came from, and does not show it."""
    monkeypatch.setenv("POCKETSFLOW_API_KEY", "pk_test_a b")

    with pytest.raises(ConfigurationError, match="POCKETSFLOW_API_KEY") as caught:
        Pocketsflow()

    assert "pk_test_a b" not in str(caught.value)


def test_key_and_address_come_from_the_environment(monkeypatch):
    """What is not given is taken from the environment."""
    monkeypatch.setenv("POCKETSFLOW_API_KEY", "pk_live_a")
    monkeypatch.setenv("POCKETSFLOW_BASE_URL", "https://proxy.example/api/")

    assert repr(Pocketsflow()) == "<Pocketsflow https://proxy.example/api mode=live>"


def test_arguments_go_before_the_environment(monkeypatch):
    """What is given counts; an empty key that is given is not replaced in silence."""
    monkeypatch.setenv("POCKETSFLOW_API_KEY", "pk_live_a")
    monkeypatch.setenv("POCKETSFLOW_BASE_URL", "https://proxy.example")

    assert repr(Pocketsflow(KEY, base_url="https://other.example")) == "<Pocketsflow https://other.example mode=test>"
    with pytest.raises(ConfigurationError):
        Pocketsflow("")


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("pk_live_a", "live"),
        ("pk_test_a", "test"),
        ("a", "unknown"),
        ("PK_TEST_a", "unknown"),
        ("xpk_live_", "unknown"),
    ],
)
def test_the_mode_is_that_of_the_keys_prefix(key, mode):
    """The prefix says which data the key sees; any other key is accepted without a guess."""
    assert Pocketsflow(key).mode == mode


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.pocketsflow.com", "https://api.pocketsflow.com"),
        ("https://api.pocketsflow.com/", "https://api.pocketsflow.com"),
        ("https://proxy.example/a/b", "https://proxy.example/a/b"),
        ("https://proxy.example:8443/a/b/", "https://proxy.example:8443/a/b"),
        ("HTTPS://Proxy.Example", "HTTPS://Proxy.Example"),
        ("http://localhost:6060", "http://localhost:6060"),
        ("http://api.localhost", "http://api.localhost"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://127.9.9.9/a", "http://127.9.9.9/a"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_good_addresses_are_kept(given, kept):
    """A path prefix stays, a trailing slash goes; plain http is accepted to this machine."""
    assert check_base_url(given, allow_insecure=False) == kept


@pytest.mark.parametrize(
    "address",
    [
        "http://api.pocketsflow.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://notlocalhost",
        "http://[2001:db8::1]",
        "http://2130706433",
    ],
)
def test_plain_http_to_other_hosts_needs_a_word(address):
    """The key does not travel in the clear unless that is wanted."""
    with pytest.raises(ConfigurationError, match="in the clear"):
        Pocketsflow(KEY, base_url=address)
    assert address in repr(Pocketsflow(KEY, base_url=address, allow_insecure=True))


@pytest.mark.parametrize(
    "address",
    [
        "api.pocketsflow.com",
        "//api.pocketsflow.com",
        "ftp://api.pocketsflow.com",
        "https://",
        "https:///path",
        "https://host:port",
        "https://host:99999",
        "https://[::1",
        "https://ho st",
        "https://host\n.example",
        "https://host/a\tb",
        "https://host?key=1",
        "https://host/#top",
        "javascript:alert(1)",
        "/path",
    ],
)
def test_what_is_no_address_is_refused(address):
    """The error says what an address looks like."""
    with pytest.raises(ConfigurationError, match="base_url"):
        Pocketsflow(KEY, base_url=address, allow_insecure=True)


@pytest.mark.parametrize(
    "address", ["https://user:secret@host", "https://user@host", "ftp://user:secret@host", "https://user:secret@host:x"]
)
def test_a_user_in_the_address_is_refused_without_showing_it(address):
    """Credentials do not belong into the address, and the error does not repeat them."""
    with pytest.raises(ConfigurationError) as caught:
        Pocketsflow(KEY, base_url=address)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("size", [0, -1, 1.5, math.inf, True, "64 MB", b"1", [1]], ids=repr)
def test_a_largest_response_is_a_number_of_bytes(size):
    """It is at least one byte, or None for no limit."""
    with pytest.raises(ConfigurationError, match="max_response_size must be an int ≥ 1 or None, not "):
        Pocketsflow(KEY, max_response_size=size)
    for fine in (1, np.int64(5), None):
        Pocketsflow(KEY, max_response_size=fine)


@pytest.mark.parametrize("timeout", [0, -1, math.inf, math.nan, True, "30"])
def test_a_timeout_is_a_positive_number(timeout):
    """Neither nothing nor forever is a timeout."""
    with pytest.raises(ConfigurationError, match="timeout"):
        Pocketsflow(KEY, timeout=timeout)


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: RateLimit(sustained=0), "sustained"),
        (lambda: RateLimit(burst=1.5), "burst"),
        (lambda: RateLimit(burst=True), "burst"),
        (lambda: RateLimit(period=0), "period"),
        (lambda: RateLimit(period=math.inf), "period"),
        (lambda: RetryPolicy(attempts=0), "attempts"),
        (lambda: RetryPolicy(attempts="3"), "attempts"),
        (lambda: RetryPolicy(max_elapsed=0), "max_elapsed"),
        (lambda: RetryPolicy(base_delay=-1), "base_delay"),
        (lambda: RetryPolicy(max_delay=math.nan), "max_delay"),
        (lambda: RequestOptions(timeout=0), "timeout"),
        (lambda: RequestOptions(deadline=-1), "deadline"),
        (lambda: RequestOptions(deadline="1"), "deadline"),
        (lambda: RequestOptions(idempotency_key=""), "Idempotency-Key"),
        (lambda: RequestOptions(idempotency_key="a\nb"), "Idempotency-Key"),
        (lambda: RequestOptions(idempotency_key="ä"), "Idempotency-Key"),
        (lambda: RequestOptions(headers={"X-A": "a\r\nb"}), "X-A"),
        (lambda: RequestOptions(headers={"X-A": ""}), "X-A"),
        (lambda: RequestOptions(headers={"X-Ä": "a"}), "X-Ä"),
        (lambda: RequestOptions(headers={"X-A\r\nX-B": "a"}), "X-A"),
        (lambda: RequestOptions(headers={"X A": "a"}), "X A"),
        (lambda: RequestOptions(headers={"X:A": "a"}), "X:A"),
        (lambda: RequestOptions(headers={"": "a"}), "no name of a header"),
        (lambda: RequestOptions(headers={"authorization": "Bearer x"}), "authorization"),
        (lambda: RequestOptions(headers={"Host": "x"}), "Host"),
        (lambda: RequestOptions(headers={"Content-Length": "3"}), "Content-Length"),
        (lambda: RequestOptions(headers={"content-type": "text/plain"}), "content-type"),
        (lambda: RequestOptions(headers={"Transfer-Encoding": "chunked"}), "Transfer-Encoding"),
        (lambda: RequestOptions(headers={"idempotency-key": "a"}), "idempotency-key"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(build, field):
    """Each setting is checked when it is made, and the error names it."""
    with pytest.raises(ConfigurationError, match=field):
        build()


def test_settings_at_the_edge_are_accepted():
    """The least that makes sense is accepted."""
    assert RateLimit(1, 1, 0.001).period == 0.001
    assert RetryPolicy(attempts=1, base_delay=0, max_delay=0).attempts == 1
    assert RequestOptions(headers={"X-Trace_1": "a b"}, idempotency_key="a b").headers == {"X-Trace_1": "a b"}


@pytest.mark.parametrize("settings", [RateLimit(), RetryPolicy(), RequestOptions(timeout=1.0, headers={"X-A": "b"})])
def test_settings_are_frozen_and_copied(settings):
    """Settings do not change once they are checked, and come through a pickle."""
    name = attrs.fields(type(settings))[0].name

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(settings, name, 5)
    assert settings == pickled(settings) == copy.deepcopy(settings)


@pytest.mark.parametrize("limit", [5, "100/min", True, {}])
def test_a_rate_limit_is_one_of_ours(limit):
    """Anything else would mean no limit, in silence."""
    with pytest.raises(ConfigurationError, match="rate_limit"):
        Pocketsflow(KEY, rate_limit=limit)


@pytest.mark.parametrize("limit", [None, RateLimit(1, 1, 1.0), RateLimiter()])
def test_rate_limits_that_are_accepted(limit):
    """None switches the limit off, a limiter may be shared."""
    assert Pocketsflow(KEY, rate_limit=limit).mode == "test"


def test_the_key_does_not_show():
    """No repr, text or format of client or secret shows the key, and neither is pickled."""
    client, secret = Pocketsflow(KEY), Secret(KEY)
    shown = [repr(client), str(client), f"{client}", repr(secret), str(secret), f"{secret}", f"{secret!r:>40}"]

    assert not any(KEY in text for text in shown)
    for thing in (client, secret, client.orders):
        with pytest.raises(TypeError, match="is not pickled"):
            pickle.dumps(thing)
        with pytest.raises(TypeError, match="is not pickled"):
            copy.deepcopy(thing)
    assert secret.reveal() == KEY


def test_a_client_is_built_without_an_event_loop():
    """Clients may be made anywhere, and one that was never used needs no closing."""
    assert Pocketsflow(KEY).mode == "test"


@pytest.mark.parametrize(("retry", "attempts"), [(0, 1), (3, 4), (np.int64(2), 3), (RetryPolicy(attempts=7), 7)])
def test_retry_may_be_the_number_of_further_attempts(retry, attempts):
    """`retry=3` is four attempts, `retry=0` is one; in the client and for one call."""
    assert Pocketsflow(KEY, retry=retry)._connection._retry.attempts == attempts
    assert RequestOptions(retry=retry).retry.attempts == attempts


WRONG = [True, False, -1, 1.5, "3", b"3", [], {}, (), pytest.param(object(), id="object"), RetryPolicy, math.nan]


@pytest.mark.parametrize("retry", [None, *WRONG], ids=repr)
def test_a_retry_of_another_kind_is_refused_when_it_is_given(retry):
    """Not with the first failure that would be repeated."""
    with pytest.raises(ConfigurationError, match=r"^retry must be"):
        Pocketsflow(KEY, retry=retry)
    if retry is not None:
        with pytest.raises(ConfigurationError, match=r"^retry must be"):
            RequestOptions(retry=retry)


def test_policies_name_their_numbers():
    """Nobody has to know which of four numbers comes first."""
    with pytest.raises(TypeError, match="positional"):
        RetryPolicy(3)


def test_a_client_may_wait_without_end():
    """`timeout=None` is no limit on the client; in the options of a call it is the client's."""
    assert Pocketsflow(KEY, timeout=None).mode == "test"
    assert RequestOptions(timeout=None).timeout is None


@pytest.mark.parametrize("number", [np.float64(2.5), np.float32(2.5), Fraction(5, 2)])
def test_numbers_of_other_libraries_become_floats(number):
    """What counts as a real number is taken, and kept as a float."""
    options = RequestOptions(timeout=number)

    assert (options.timeout, type(options.timeout)) == (2.5, float)
    assert RateLimit(np.int64(5), 6, np.int64(7)) == RateLimit(5, 6, 7)


@pytest.mark.parametrize(
    "timeout",
    [10**400, "5", b"5", Decimal(5), 1j, np.float64("nan"), [5], pytest.param(object(), id="object")],
    ids=repr,
)
def test_what_is_no_number_of_seconds_is_refused(timeout):
    """In the client and for one call."""
    for build in (lambda: Pocketsflow(KEY, timeout=timeout), lambda: RequestOptions(deadline=timeout)):
        with pytest.raises(ConfigurationError, match=r"^(timeout|deadline) must be a positive finite number"):
            build()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"session": 1}, "session must be an aiohttp.ClientSession, not 1"),
        ({"session": aiohttp.ClientSession}, "session must be an aiohttp.ClientSession, not type"),
        ({"session": SimpleNamespace(request=print)}, "session must be an aiohttp.ClientSession, not SimpleNamespace"),
        ({"base_url": b"https://a.example"}, "base_url must be a str, not bytes"),
        ({"base_url": ""}, "base_url '' is no http"),
        ({"base_url": 0}, "base_url must be a str, not int"),
        ({"base_url": "https://a.example/\ud800"}, "is no http"),
        ({"base_url": "https://a.example/pk_live_1"}, "base_url holds an API key"),
        ({"allow_insecure": "no"}, "allow_insecure must be True or False, not 'no'"),
        ({"strict": True}, 'strict must be "warn" or None, not True'),
        ({"strict": np.array([1, 2])}, 'strict must be "warn" or None, not ndarray'),
        ({"rate_limit": "x" * 99}, "rate_limit must be a RateLimit.*…$"),
        ({"api_key": 0}, "api_key must be text, not int"),
    ],
)
def test_settings_of_another_kind_are_refused_by_name(settings, message):
    """When the client is made, not with its first call or its first failure."""
    with pytest.raises(ConfigurationError, match=message):
        Pocketsflow(**({"api_key": KEY} | settings))


async def test_a_closed_session_is_refused_when_it_is_given():
    """The error comes from the constructor."""
    session = aiohttp.ClientSession()
    await session.close()

    with pytest.raises(ConfigurationError, match="session is closed"):
        Pocketsflow(KEY, session=session)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"headers": [("X-A", "b")]}, "headers must be a mapping of str to str, not list"),
        ({"headers": None}, "headers must be a mapping of str to str, not None"),
        ({"headers": {"X-A": 1}}, "the header X-A must be a str, not int"),
        ({"headers": {"X-A": b"secret"}}, "the header X-A must be a str, not bytes"),
        ({"headers": {"X-A": ["secret"]}}, "the header X-A must be a str, not list"),
        ({"headers": {5: "a"}}, "the name of a header must be a str, not 5"),
        ({"idempotency_key": 123}, "idempotency_key, .* must be a str, not int"),
        ({"idempotency_key": b"secret"}, "idempotency_key, .* must be a str, not bytes"),
        ({"priority": ["high"]}, "priority must be one of"),
        ({"priority": np.array(["high", "low"])}, "priority must be one of"),
    ],
)
def test_options_of_another_kind_are_refused_by_name(options, message):
    """When they are made; what a header was to hold does not show."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        RequestOptions(**options)

    assert "secret" not in str(caught.value)


def test_checked_headers_cannot_be_changed():
    """Neither the mapping that was given nor the one that is kept lets anything past the check."""
    given = {"X-A": "b"}
    options = RequestOptions(headers=given)
    given["Authorization"] = "Bearer x"

    assert options.headers == {"X-A": "b"}
    with pytest.raises(TypeError):
        options.headers["Authorization"] = "Bearer x"
    assert pickled(attrs.evolve(options, timeout=1)).headers == {"X-A": "b"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"limit": 5}, "^limit must be a RateLimit"), ({"limit": 0}, "^limit must be"), ({"clock": 5}, "^clock must be")],
)
def test_a_limiter_of_nothing_is_refused(arguments, message):
    """A number is no pair of limits, and no clock."""
    with pytest.raises(ConfigurationError, match=message):
        RateLimiter(**arguments)
