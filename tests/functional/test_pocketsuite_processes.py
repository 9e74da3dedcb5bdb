"""Several processes, threads or objects with the tokens of one grant, where refresh tokens rotate."""

import asyncio
import gc
import weakref
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import aiohttp
import pytest
from suite import QUICK, Clock, asked, client, errors, many
from yarl import URL

from pocketsflow_async import APIStatusError, AuthenticationError, ConfigurationError, PocketsflowError, _token_store
from pocketsflow_async._grants import Grant, _known, grant_of
from pocketsflow_async._tokens import issued
from pocketsflow_async.pocketsuite import OAuth2, Tokens
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox


class Stored:
    """What processes share: the tokens of the grant, and a lock."""

    def __init__(self, tokens: Tokens | None) -> None:
        self.tokens = tokens
        self.lock = asyncio.Lock()
        self.loads = 0

    async def save(self, tokens: Tokens) -> None:
        await asyncio.sleep(0)
        self.tokens = tokens

    async def load(self) -> Tokens | None:
        await asyncio.sleep(0)
        self.loads += 1
        return self.tokens


def process(sandbox: PocketSuiteSandbox, stored: Stored, **settings: Any) -> OAuth2:
    """The `OAuth2` of one process: with a clock of its own, it shares nothing else with the others."""
    known: Any = {
        "clock": Clock(),
        "retry": QUICK,
        "on_tokens": stored.save,
        "load_tokens": stored.load,
        "lock": stored.lock,
    }
    return sandbox.oauth(**known | settings)


@pytest.fixture
async def sandbox():
    async with PocketSuiteSandbox(clock=Clock()) as sandbox:
        yield sandbox


async def test_processes_by_turns_use_the_tokens_that_are_stored(sandbox: PocketSuiteSandbox) -> None:
    """Whoever comes second loads what the first one stored, and no refresh token is sent twice."""
    first = sandbox.oauth(clock=Clock())
    stored = Stored(first.tokens)
    texts = {"access_token": first.tokens.access_token, "refresh_token": first.tokens.refresh_token}
    one, two = (process(sandbox, stored, **texts) for _ in range(2))
    async with client(sandbox, one) as ps, client(sandbox, two) as other:
        for turn in (ps, other, ps, other):
            sandbox.drop_access()
            await turn.client_notes.create(note="x")
        await ps.client_notes.create(note="not refreshed: stored by the other one")

    assert set(asked(sandbox)) == {200}


async def test_processes_that_refresh_at_once_send_one_request(sandbox: PocketSuiteSandbox) -> None:
    """The lock lets one of them refresh; the others find its tokens."""
    first = sandbox.oauth(clock=Clock())
    stored = Stored(first.tokens)
    texts = {"access_token": first.tokens.access_token, "refresh_token": first.tokens.refresh_token}
    sandbox.drop_access()
    async with (
        client(sandbox, process(sandbox, stored, **texts)) as one,
        client(sandbox, process(sandbox, stored, **texts)) as two,
    ):
        outcomes = await asyncio.gather(many(one, 20), many(two, 20))

    assert [errors(outcome) for outcome in outcomes] == [[], []]
    assert asked(sandbox) == {200: 1}


async def test_many_refused_tokens_keep_no_process_from_those_that_are_stored(sandbox: PocketSuiteSandbox) -> None:
    """A process that may send no more refreshes for now still uses what another one stores."""
    stored = Stored(sandbox.oauth(clock=Clock()).tokens)
    one, two = (process(sandbox, stored, access_token=None, refresh_token=None) for _ in range(2))
    async with client(sandbox, one) as ps, client(sandbox, two) as other:
        for _ in range(3):
            sandbox.drop_access()
            await ps.client_notes.create(note="x")
        sandbox.drop_access()
        with pytest.raises(AuthenticationError):
            await ps.client_notes.create(note="x")
        await other.client_notes.create(note="x")
        await ps.client_notes.create(note="stored by the other one")

    assert asked(sandbox) == {200: 4}


async def test_a_process_needs_no_tokens_of_its_own(sandbox: PocketSuiteSandbox) -> None:
    """Where only `load_tokens` is given the first call loads them; stored tokens that are over are refreshed."""
    first = sandbox.oauth(clock=Clock())
    stored = Stored(first.tokens)
    async with client(sandbox, process(sandbox, stored, access_token=None, refresh_token=None)) as ps:
        await ps.client_notes.create(note="x")
    assert asked(sandbox) == {}

    stored.tokens = Tokens("over", first.tokens.refresh_token, datetime.now(UTC) - timedelta(hours=1))
    async with client(sandbox, process(sandbox, stored, access_token=None, refresh_token=None)) as ps:
        await ps.client_notes.create(note="x")
    assert asked(sandbox) == {200: 1}
    assert stored.tokens.access_token != "over"


async def test_nothing_stored_and_nothing_given(sandbox: PocketSuiteSandbox) -> None:
    """Without any tokens the error says how to get some."""
    async with client(sandbox, process(sandbox, Stored(None), access_token=None, refresh_token=None)) as ps:
        with pytest.raises(ConfigurationError, match="there are no tokens: authorize"):
            await ps.client_notes.create(note="x")


async def test_a_refresh_token_that_another_process_spent_first(sandbox: PocketSuiteSandbox) -> None:
    """Without a lock one may come too late: it looks again at what is stored before it gives the grant up."""
    stored = Stored(None)
    oauth = process(sandbox, stored, lock=None, access_token=None, refresh_token="spent")

    async def request(*_: object) -> Any:
        stored.tokens = sandbox.oauth(clock=Clock()).tokens  # the other one was quicker
        raise AuthenticationError("no", status=400, code="invalid_grant")

    oauth._endpoint = SimpleNamespace(request=request)  # type: ignore[assignment]
    async with client(sandbox, oauth) as ps:
        await ps.client_notes.create(note="x")


async def test_objects_of_one_process_share_a_grant(sandbox: PocketSuiteSandbox) -> None:
    """Two `OAuth2` with the same refresh token refresh once, and each hands the tokens to its own program."""
    clock, given = Clock(), sandbox.oauth(clock=Clock()).tokens
    stores = Stored(None), Stored(None)
    texts = {"access_token": given.access_token, "refresh_token": given.refresh_token}
    objects = [sandbox.oauth(clock=clock, retry=QUICK, on_tokens=store.save, **texts) for store in stores]
    sandbox.drop_access()
    async with client(sandbox, objects[0]) as one, client(sandbox, objects[1]) as two:
        outcomes = await asyncio.gather(many(one, 10), many(two, 10))
        sandbox.drop_access()
        outcomes += [await many(two, 1), await many(one, 1)]

    assert [errors(outcome) for outcome in outcomes] == [[]] * 4
    assert set(asked(sandbox)) == {200}
    assert stores[0].tokens == stores[1].tokens


async def test_threads_share_a_grant(sandbox: PocketSuiteSandbox) -> None:
    """Event loops in several threads, each with an `OAuth2` of its own, wait for one refresh."""
    clock, given = Clock(), sandbox.oauth(clock=Clock()).tokens
    barrier = Barrier(4)
    sandbox.drop_access()

    async def work() -> list[object]:
        oauth = sandbox.oauth(
            clock=clock, retry=QUICK, access_token=given.access_token, refresh_token=given.refresh_token
        )
        barrier.wait(60)
        async with client(sandbox, oauth) as ps:
            return await many(ps, 3)

    outcomes = await asyncio.gather(*(asyncio.to_thread(asyncio.run, work()) for _ in range(4)))

    assert [errors(outcome) for outcome in outcomes] == [[]] * 4
    assert asked(sandbox) == {200: 1}


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_refresh_in_a_loop_that_stopped_holds_nobody_up(is_closed: bool) -> None:
    """A turn that is never given back ends after some time, and at once where its event loop is closed."""
    grant = Grant()
    loop = asyncio.new_event_loop()
    stuck = grant.alone(60)
    loop.run_until_complete(stuck.__aenter__())
    if is_closed:
        loop.close()

    async def others() -> None:
        patience = 60 if is_closed else 0.001
        async with grant.alone(patience):
            await stuck.__aexit__(None, None, None)
            second = asyncio.create_task(grant.alone(0.001).__aenter__())
            assert not (await asyncio.wait({second}, timeout=0.01))[0]  # this event loop runs
        await second

    asyncio.run(others())
    loop.close()


@pytest.mark.parametrize("lags", [True, False], ids=["lags", "stands still"])
async def test_a_store_that_lags_behind_gives_back_no_former_tokens(sandbox: PocketSuiteSandbox, lags: bool) -> None:
    """Tokens that were in use before, or were loaded before, are not taken for new ones of another process."""
    given = sandbox.oauth(clock=Clock()).tokens
    history = [given]
    oauth = sandbox.oauth(
        clock=Clock(),
        retry=0,
        access_token=given.access_token,
        refresh_token=given.refresh_token,
        on_tokens=history.append,
        load_tokens=lambda: history[max(0, len(history) - 2) if lags else 0],
    )
    for _ in range(12):
        sandbox.drop_access()
        await oauth.refresh()

    assert asked(sandbox) == {200: 12}


async def test_a_grant_ends_with_its_last_object(sandbox: PocketSuiteSandbox) -> None:
    """Nothing of it is remembered beyond, without a garbage collection: a later object begins with its own tokens."""
    oauth = sandbox.oauth(clock=Clock(), retry=0)
    await oauth.refresh()
    grant = weakref.ref(oauth._grant)
    gc.disable()
    try:
        del oauth
        await asyncio.sleep(0)
        assert grant() is None
    finally:
        gc.enable()


async def test_a_grant_is_known_by_its_last_refresh_tokens_only(sandbox: PocketSuiteSandbox) -> None:
    """However often tokens rotate, no more than some of them are remembered."""
    before = len(_known)
    oauth = sandbox.oauth(clock=Clock(), retry=0)
    for _ in range(40):
        await oauth.refresh()

    assert len(_known) - before <= 20
    assert oauth._grant is grant_of(oauth._place, oauth.tokens.refresh_token)


async def test_tokens_of_an_exchange_are_newer_than_those_before(sandbox: PocketSuiteSandbox) -> None:
    """Where a server gives the same refresh token again, the tokens of the last exchange are used."""
    oauth = sandbox.oauth(clock=Clock(), refresh_token="same", access_token="first")
    given = iter(["second", "third", "fourth"])

    async def request(*_: object) -> Any:
        return issued(Tokens(next(given), "same"), 3600.0, oauth._clock())

    oauth._endpoint = SimpleNamespace(request=request)  # type: ignore[assignment]
    await oauth.refresh()
    await oauth.exchange("code")
    assert (await oauth.refresh()).access_token == "fourth"


@pytest.mark.parametrize("lock", [asyncio.Lock, MagicMock()], ids=["class", "mock"])
async def test_locks_of_every_kind(sandbox: PocketSuiteSandbox, lock: Any) -> None:
    """A class whose objects are async context managers is a function that returns one."""
    await sandbox.oauth(clock=Clock(), lock=lock).refresh()
    assert asked(sandbox) == {200: 1}


async def test_objects_may_share_one_lock(sandbox: PocketSuiteSandbox) -> None:
    """Refreshes of several grants and an exchange take turns with one lock."""
    lock = asyncio.Lock()
    back = "https://app.example.com/back"
    one, two = (sandbox.oauth(clock=Clock(), retry=0, lock=lock, redirect_uri=back) for _ in range(2))
    request = one.authorize_url()
    async with aiohttp.ClientSession() as session, session.get(request.url, allow_redirects=False) as response:
        code = URL(response.headers["Location"]).query["code"]
    async with asyncio.timeout(60):
        await asyncio.gather(one.refresh(), two.refresh(), one.exchange(code, verifier=request.verifier), two.refresh())

    assert set(asked(sandbox)) == {200}


@pytest.mark.parametrize("name", ["lock", "load_tokens", "on_tokens"])
async def test_a_function_that_hangs_fails_in_time(
    sandbox: PocketSuiteSandbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits for ever: the error says which function took too long, and the next call tries again."""
    monkeypatch.setattr(_token_store, "PATIENCE", 0.05)
    waits = [asyncio.Event()]

    async def hang(*_: object) -> Any:
        if waits:
            await waits.pop().wait()
        return asyncio.Lock() if name == "lock" else None

    settings: Any = {name: hang}
    oauth = sandbox.oauth(clock=Clock(), retry=0, **settings)
    with pytest.raises(ConfigurationError, match=f"{name} took longer than 0.05 s"):
        await oauth.refresh()
    await oauth.refresh()
    assert set(asked(sandbox)) == {200}


async def test_on_tokens_that_waits_for_the_client_fails_in_time(
    sandbox: PocketSuiteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task of `on_tokens` that wants tokens waits for `on_tokens` itself, and does not do so for ever."""
    monkeypatch.setattr(_token_store, "PATIENCE", 0.05)

    async def store(_: Tokens) -> None:
        await asyncio.create_task(oauth.refresh())

    oauth = sandbox.oauth(clock=Clock(), retry=0, on_tokens=store)
    with pytest.raises(ConfigurationError, match="on_tokens took longer"):
        await oauth.refresh()


BROKEN: Any = {
    "a naive time": Tokens("a", "b", datetime(2030, 1, 1)),  # noqa: DTZ001
    "a text for a time": Tokens("a", "b", "2030-01-01"),  # type: ignore[arg-type]
    "a number for a time": Tokens("a", "b", 5.0),  # type: ignore[arg-type]
    "a number for a token": Tokens("a", 5),  # type: ignore[arg-type]
    "bytes": Tokens(b"a", "b"),  # type: ignore[arg-type]
    "half a character": Tokens("", "\ud800"),
    "a line feed": Tokens("a\n", "b"),
    "a mapping": {"access_token": "a"},
}


@pytest.mark.parametrize("loaded", BROKEN.values(), ids=BROKEN)
async def test_loaded_tokens_of_another_kind(sandbox: PocketSuiteSandbox, loaded: Any) -> None:
    """What `load_tokens` returns is checked; nothing is sent."""
    oauth = sandbox.oauth(clock=Clock(), access_token="x", refresh_token="y", load_tokens=lambda: loaded)
    with pytest.raises(ConfigurationError):
        await oauth.refresh()
    assert asked(sandbox) == {}


async def test_a_clock_that_cannot_be_hashed(sandbox: PocketSuiteSandbox) -> None:
    """Any callable is a clock."""

    class Equal(Clock):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

        __hash__ = None  # type: ignore[assignment]

    await sandbox.oauth(clock=Equal(), retry=0).refresh()


# ------------------------------------------------------------------------------------- what functions may raise


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def cycle() -> BaseException:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    one.__context__, two.__context__ = two, one
    return one


def group() -> BaseException:
    inner = BaseExceptionGroup("inner", [KeyError("a"), asyncio.CancelledError()])
    return BaseExceptionGroup("outer", [inner, cycle()])


RAISED = [
    LookupError("no database"),
    asyncio.CancelledError(),
    SystemExit(1),
    GeneratorExit(),
    StopIteration(),
    StopAsyncIteration(),
    MuteError(),
    cycle(),
    group(),
]


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("name", ["on_tokens", "load_tokens", "lock"])
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_whatever_a_function_of_the_program_raises(
    sandbox: PocketSuiteSandbox, name: str, error: BaseException, is_async: bool
) -> None:
    """The call fails with a ConfigurationError that names the function, and the next one works."""
    failures = [error]

    def fail(*_: object) -> Any:
        if failures:
            raise failures.pop()
        return asyncio.Lock() if name == "lock" else None

    async def fail_later(*arguments: object) -> Any:
        return fail(*arguments)

    settings: Any = {name: fail_later if is_async else fail}
    async with client(sandbox, sandbox.oauth(clock=Clock(), retry=QUICK, access_token=None, **settings)) as ps:
        with pytest.raises(ConfigurationError, match=name):
            await ps.client_notes.create(note="x")
        await ps.client_notes.create(note="y")

    assert set(asked(sandbox)) == {200}


@pytest.mark.parametrize("spell", [str, lambda text: text.encode().hex()], ids=["as sent", "hexadecimal"])
@pytest.mark.parametrize("where", ["group", "note", "cause"])
async def test_a_token_in_an_error_of_the_program_is_not_passed_on(
    sandbox: PocketSuiteSandbox, spell: Any, where: str
) -> None:
    """An error that holds a token anywhere is no cause of ours."""

    def store(tokens: Tokens) -> None:
        told = spell(tokens.access_token)
        error: Exception = ExceptionGroup("several", [ValueError(told)]) if where == "group" else ValueError("no")
        if where == "note":
            error.add_note(told)
        raise error from (KeyError(told) if where == "cause" else None)

    async with client(sandbox, sandbox.oauth(clock=Clock(), access_token=None, on_tokens=store)) as ps:
        with pytest.raises(ConfigurationError) as caught:
            await ps.client_notes.create(note="x")

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("on_tokens", 5), ("load_tokens", "x"), ("lock", 5), ("load_tokens", lambda: 5), ("lock", lambda: 5)],
)
async def test_functions_of_another_kind(sandbox: PocketSuiteSandbox, name: str, value: Any) -> None:
    """What is no function is rejected when it is given, and a result of another kind when it comes."""
    with pytest.raises(ConfigurationError, match=name):
        await sandbox.oauth(clock=Clock(), **{name: value}).refresh()


async def test_a_lock_is_held_while_tokens_are_refreshed_and_stored(sandbox: PocketSuiteSandbox) -> None:
    """From `load_tokens` to the end of `on_tokens`, and not longer."""
    seen: list[str] = []

    @asynccontextmanager
    async def lock():
        seen.append("locked")
        yield
        seen.append("unlocked")

    oauth = sandbox.oauth(
        clock=Clock(), lock=lock, load_tokens=lambda: seen.append("load"), on_tokens=lambda _: seen.append("store")
    )
    await oauth.refresh()

    assert seen == ["locked", "load", "store", "unlocked"]


# ------------------------------------------------------------------------------------- when a grant has ended

FINAL = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
]
PASSING = {
    "a page of a firewall": (403, "<html>Attention required</html>"),
    "a page of a proxy": (401, "<html>Sign in to the network</html>"),
    "a code of another section": (400, {"error": "temporarily_unavailable"}),
    "a code in text": (400, "invalid_grant"),
    "a code in a list": (400, ["invalid_grant"]),
    "an error without a code": (401, {"message": "invalid_grant"}),
    "a limit": (429, {"error": "invalid_grant"}),
    "a failure": (500, {"error": "invalid_grant"}),
}


async def twice(sandbox: PocketSuiteSandbox, status: int, body: Any) -> list[PocketsflowError]:
    """Refresh twice, where the first request is answered so."""
    sandbox.faults.add("status", path="/gateway/oauth/token", status=status, body=body, times=1)
    oauth, found = sandbox.oauth(clock=Clock(), retry=0), []
    for _ in range(2):
        try:
            await oauth.refresh()
        except PocketsflowError as exc:
            found.append(exc)
    return found


@pytest.mark.parametrize("code", FINAL)
@pytest.mark.parametrize("status", [400, 401])
async def test_a_code_of_rfc_6749_ends_a_grant(sandbox: PocketSuiteSandbox, code: str, status: int) -> None:
    """The refresh token is given up: every later call fails alike, and nothing more is sent."""
    errors = await twice(sandbox, status, {"error": code})

    assert [type(error) for error in errors] == [AuthenticationError] * 2
    assert asked(sandbox) == {status: 1}


@pytest.mark.parametrize(("status", "body"), PASSING.values(), ids=PASSING)
async def test_nothing_else_ends_a_grant(sandbox: PocketSuiteSandbox, status: int, body: Any) -> None:
    """Any other response fails this call only; the next one sends the refresh token again."""
    errors = await twice(sandbox, status, body)

    assert isinstance(errors[0], APIStatusError)
    assert len(errors) == (2 if status == 429 else 1)  # a 429 closes the endpoint for some time
    assert asked(sandbox) == ({429: 1} if status == 429 else {status: 1, 200: 1})
