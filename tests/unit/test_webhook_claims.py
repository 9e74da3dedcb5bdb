"""Deliveries, their claims and a store that may fail, on a clock that is not waited for."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import now, virtual_time

from pocketsflow_async import webhooks
from pocketsflow_async._webhook_claims import LEASE
from pocketsflow_async._webhook_handler import Deliveries, MemoryStore, OnEvent, as_async
from pocketsflow_async.errors import ConfigurationError

SECRET = "whsec_sandbox"
BODY = b'{"event":"order.completed"}'


class FailingStore(MemoryStore):
    """Stands for a table; each method can be told how often it fails, and how."""

    def __init__(self, **failures: tuple[int, Callable[[], Awaitable[object]]]) -> None:
        super().__init__(clock=now)
        self.failures = failures

    async def _trip(self, name: str) -> None:
        left, fail = self.failures.get(name, (0, away))
        if left:
            self.failures[name] = left - 1, fail
            await fail()

    async def claim(self, key: str) -> Any:
        await self._trip("claim")
        return await super().claim(key)

    async def finish(self, key: str) -> None:
        await self._trip("finish")
        await super().finish(key)

    async def release(self, key: str) -> None:
        await self._trip("release")
        await super().release(key)

    async def extend(self, key: str) -> None:
        await self._trip("extend")
        await super().extend(key)


async def away() -> None:
    raise OSError("the database is away")


async def cancelled() -> None:
    helper = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    helper.cancel()
    await helper


async def hangs() -> None:
    await asyncio.sleep(1_000_000)


def deliveries(on_event: OnEvent, store: Any = None, *, answer_within: float = 4.5) -> Deliveries:
    construct = partial(webhooks.construct_event, secret=SECRET)
    store = MemoryStore(clock=now) if store is None else store
    return Deliveries(on_event, construct, store=store, answer_within=answer_within)


async def post(receiver: Deliveries, body: bytes = BODY, **headers: str) -> int:
    async def read() -> bytes:
        return body

    signed = {"X-Pocketsflow-Signature": webhooks.sign(body, SECRET), **headers}
    request: Any = SimpleNamespace(read=read, headers=signed)
    return (await receiver.answer(request)).status


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raiser(error: BaseException) -> Callable[[object], None]:
    def fail(_: object) -> None:
        raise error

    return fail


def raiser_async(error: BaseException) -> Callable[[object], Awaitable[None]]:
    async def fail(_: object) -> None:
        raise error

    return fail


ERRORS = [
    RuntimeError("no database"),
    asyncio.CancelledError(),
    SystemExit(3),
    GeneratorExit(),
    StopIteration(),
    StopAsyncIteration(),
    TimeoutError(),
    BaseExceptionGroup("several", [ValueError(), asyncio.CancelledError()]),
    MuteError(),
]


@pytest.mark.parametrize("failing", [raiser, raiser_async])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@virtual_time
async def test_whatever_a_handler_raises_the_event_is_handled_again(
    failing: Callable[[BaseException], Callable[[object], Any]], error: BaseException
) -> None:
    """Any exception is answered with 500, and the next delivery of the event is handled."""
    outcomes: list[Callable[[object], Any]] = [failing(error), lambda _: None]
    calls: list[object] = []

    def on_event(event: webhooks.Event) -> Any:
        calls.append(event)
        return outcomes.pop(0)(event)

    receiver = deliveries(on_event)

    assert [await post(receiver) for _ in range(3)] == [500, 200, 200]
    assert len(calls) == 2


@virtual_time
async def test_a_handler_that_awaits_something_cancelled_fails() -> None:
    """A cancelled task of the application ends the handler's call, not the delivery."""
    outcomes = [cancelled, asyncio.sleep]

    async def on_event(_: webhooks.Event) -> None:
        outcome: Callable[..., Awaitable[object]] = outcomes.pop(0)
        await (outcome() if outcome is cancelled else outcome(0))

    receiver = deliveries(on_event)

    assert [await post(receiver) for _ in range(3)] == [500, 200, 200]


@pytest.mark.parametrize("kind", ["async", "plain", "returns an awaitable", "async object"])
@virtual_time
async def test_functions_of_every_kind_are_called_once(kind: str) -> None:
    """Async functions, plain ones, plain ones that return an awaitable, and objects all work as `on_event`."""
    calls: list[object] = []

    async def on_event(event: object) -> None:
        calls.append(event)

    class Callee:
        __call__ = staticmethod(on_event)

    functions: dict[str, Any] = {
        "async": on_event,
        "plain": calls.append,
        "returns an awaitable": lambda event: asyncio.sleep(0, calls.append(event)),
        "async object": Callee(),
    }
    receiver = deliveries(functions[kind])

    assert [await post(receiver) for _ in range(2)] == [200, 200]
    assert len(calls) == 1


@pytest.mark.parametrize("fail", [away, cancelled, hangs])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    ("method", "succeeds", "statuses"),
    [("claim", True, {503, 200}), ("finish", True, {200}), ("release", False, {500, 503, 200})],
)
@virtual_time
async def test_a_store_that_fails_loses_no_event(
    fail: Callable[[], Awaitable[object]], times: int, method: str, succeeds: bool, statuses: set[int]
) -> None:
    """Whichever method fails, however, the event is acknowledged in the end and never handled again after that."""
    outcomes = [succeeds, True]
    handled: list[bool] = []

    async def on_event(_: webhooks.Event) -> None:
        handled.append(outcomes.pop(0))
        if not handled[-1]:
            raise ValueError

    receiver = deliveries(on_event, FailingStore(**{method: (times, fail)}), answer_within=1_000)
    answers = [await post(receiver) for _ in range(6)]
    await receiver.drain()

    assert set(answers) <= statuses
    assert answers[-1] == 200
    assert handled.count(True) == 1


@virtual_time
async def test_what_was_handled_is_acknowledged_while_the_store_is_away() -> None:
    """An event whose outcome cannot be stored is remembered, and stored with a later delivery."""
    calls: list[object] = []
    store = FailingStore(finish=(4, away))
    receiver = deliveries(calls.append, store)

    assert [await post(receiver) for _ in range(3)] == [200, 200, 200]
    await receiver.drain()
    assert await post(deliveries(calls.append, store)) == 200
    assert len(calls) == 1


@virtual_time
async def test_what_was_handled_is_acknowledged_in_time_while_the_store_hangs() -> None:
    """No delivery of an event that was handled waits for a store that does not respond."""
    calls: list[object] = []
    store = FailingStore(finish=(4, hangs))
    receiver = deliveries(calls.append, store)

    began = now()
    assert [await post(receiver) for _ in range(3)] == [200, 200, 200]
    assert now() - began < 5
    await receiver.drain()
    assert await post(receiver) == 200
    await receiver.drain()
    assert await post(deliveries(calls.append, store)) == 200
    assert len(calls) == 1


def in_turn(outcomes: list[Callable[[object], Any]]) -> Callable[[object], Any]:
    """A function that does the next of these with each call."""

    def on_event(event: object) -> Any:
        return outcomes.pop(0)(event)

    return on_event


class PlainStore:
    """A store whose methods are plain functions, and which cannot extend a claim."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def claim(self, key: str) -> str:
        found = self.rows.get(key, "new")
        self.rows.setdefault(key, "running")
        return found

    def finish(self, key: str) -> None:
        self.rows[key] = "done"

    def release(self, key: str) -> None:
        del self.rows[key]


@virtual_time
async def test_a_store_of_plain_functions() -> None:
    """Methods that are plain functions are called as they are."""
    outcomes = [raiser(ValueError()), lambda _: None]
    receiver = deliveries(in_turn(outcomes), PlainStore())

    assert [await post(receiver) for _ in range(3)] == [500, 200, 200]


@pytest.mark.parametrize("claim", [None, True, b"new", "NEW", [], object()])
@virtual_time
async def test_a_claim_that_is_none(claim: object, caplog: pytest.LogCaptureFixture) -> None:
    """A store that returns something else is named in the log, and nothing is handled."""
    store: Any = MemoryStore(clock=now)
    store.claim = lambda _: claim
    calls: list[object] = []

    assert await post(deliveries(calls.append, store)) == 503
    assert calls == []
    assert 'must return "new", "running" or "done"' in caplog.text


@pytest.mark.parametrize(
    "error", [SystemExit(3), GeneratorExit(), StopIteration(), MuteError()], ids=lambda error: type(error).__name__
)
@pytest.mark.parametrize("method", ["claim", "finish", "release"])
@virtual_time
async def test_whatever_a_store_raises_the_process_goes_on(method: str, error: BaseException) -> None:
    """Any exception counts as a failure of the store, and a later delivery is acknowledged."""

    async def fail() -> None:
        raise error

    outcomes = [raiser(ValueError()), *[lambda _: None] * 3] if method == "release" else [lambda _: None] * 3
    receiver = deliveries(in_turn(outcomes), FailingStore(**{method: (1, fail)}))
    answers = [await post(receiver) for _ in range(3)]

    assert answers[1:] == [200, 200]


async def several(_: object) -> Any:
    yield


@pytest.mark.parametrize("on_event", [several, partial(several), lambda _: (yield)])
def test_a_generator_function_is_rejected(on_event: Any) -> None:
    """Its body would never run, so the event would be lost."""
    with pytest.raises(ConfigurationError, match="generator"):
        webhooks.aiohttp_handler(on_event, secret=SECRET)


async def test_a_thread_that_cannot_be_cancelled_keeps_its_claim() -> None:
    """Where the program ends while a plain function runs in its thread, its outcome counts."""
    store, began, proceed = MemoryStore(), threading.Event(), threading.Event()

    def on_event(_: object) -> None:
        began.set()
        proceed.wait(60)

    receiver = deliveries(on_event, store)
    response = asyncio.create_task(post(receiver))
    await asyncio.to_thread(began.wait, 60)
    for task in asyncio.all_tasks() - {asyncio.current_task(), response}:
        task.cancel()
    await asyncio.sleep(0)
    assert await post(deliveries(lambda _: None, store)) == 503
    proceed.set()
    await receiver.drain()

    assert await response == 500  # its task was cancelled
    assert await post(deliveries(raiser(ValueError()), store)) == 200


def test_deliveries_of_an_event_loop_that_is_closed_are_forgotten() -> None:
    """What a former event loop left behind neither blocks its event nor `drain`."""
    store = MemoryStore(lease=0)
    receiver = deliveries(lambda _: hangs(), store, answer_within=0.001)
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(post(receiver)) == 503
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()

    async def later() -> int:
        await receiver.drain()
        return await post(receiver)

    receiver._on_event, receiver._answer_within = as_async(lambda _: None), 60.0
    assert asyncio.run(later()) == 200


@virtual_time
async def test_the_claim_of_a_process_that_died_expires() -> None:
    """A claim that nobody extends is free after the lease, and not before."""
    store = MemoryStore(clock=now)
    assert await store.claim("key") == "new"  # and then the process is killed

    await asyncio.sleep(LEASE - 1)
    assert await store.claim("key") == "running"
    await asyncio.sleep(1)
    assert await store.claim("key") == "new"


@virtual_time
async def test_a_long_handler_keeps_its_claim() -> None:
    """While `on_event` runs, its claim is extended: another process that shares the store does not handle the event."""
    store, proceed = MemoryStore(clock=now), asyncio.Event()
    calls: list[object] = []

    async def on_event(event: webhooks.Event) -> None:
        calls.append(event)
        await proceed.wait()

    first, second = deliveries(on_event, store), deliveries(on_event, store)
    statuses = [await post(first)]
    for _ in range(5):
        await asyncio.sleep(LEASE / 2)
        statuses += [await post(first), await post(second)]
    proceed.set()
    await first.drain()

    assert statuses == [503] * 11
    assert [await post(first), await post(second)] == [200, 200]
    assert len(calls) == 1


@virtual_time
async def test_an_event_is_free_when_the_program_ends() -> None:
    """Where the handler's task is cancelled with the program, the claim is released at once."""
    store = MemoryStore(clock=now)
    receiver = deliveries(lambda _: hangs(), store)

    assert await post(receiver) == 503
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await receiver.drain()

    assert await post(deliveries(lambda _: None, store)) == 200


class KilledError(Exception):
    pass


class Process:
    """A receiver that can be killed: from then on nothing of it reaches the store or the world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.alive = True
        self.receiver = deliveries(self.on_event, self)

    async def on_event(self, event: webhooks.Event) -> None:
        world = self.world
        assert event.body not in world.running, "handled twice at a time"
        world.running.add(event.body)
        try:
            await asyncio.sleep(world.random.choice([0, 1, 100]))
            if world.random.random() < 0.3:
                raise ValueError
        finally:
            world.running.discard(event.body)
        world.handled[event.body] += 1

    def __getattr__(self, name: str) -> Callable[[str], Awaitable[Any]]:
        async def call(key: str) -> Any:
            await asyncio.sleep(0)
            if not self.alive:
                raise KilledError
            if self.world.random.random() < self.world.unreliable:
                raise OSError
            return await getattr(self.world.store, name)(key)

        return call


class World:
    """Two processes, one store, and a sender that delivers each event until it is acknowledged."""

    def __init__(self, seed: int, *, unreliable: float, kills: float) -> None:
        self.random = random.Random(seed)
        self.unreliable = unreliable
        self.kills = kills
        self.store = MemoryStore(clock=now)
        self.running: set[bytes] = set()
        self.handled: Counter[bytes] = Counter()
        self.processes = [Process(self), Process(self)]

    async def send(self, body: bytes) -> None:
        for _ in range(200):
            number = self.random.randrange(2)
            if await post(self.processes[number].receiver, body) == 200:
                return
            await asyncio.sleep(self.random.choice([0, 1, 20]))
            if self.random.random() < self.kills:
                await self.kill(number)
        pytest.fail("an event was never acknowledged")

    async def kill(self, number: int) -> None:
        process, self.processes[number] = self.processes[number], Process(self)
        process.alive = False
        for task in process.receiver._tasks.values():
            task.cancel()
        await process.receiver.drain()


@pytest.mark.parametrize(("unreliable", "kills"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.1), (0.2, 0.1)])
def test_simulation_of_failing_stores_and_killed_processes(
    unreliable: float, kills: float, thoroughly: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Every event is acknowledged only after it was handled, and never twice at a time; without faults, once."""
    caplog.set_level("CRITICAL", "pocketsflow_async.webhooks")

    @virtual_time
    async def run(seed: int) -> None:
        world = World(seed, unreliable=unreliable, kills=kills)
        bodies = [b'{"event":"thing.made","number":%d}' % number for number in range(5)]
        await asyncio.gather(*(world.send(body) for body in bodies))
        for process in world.processes:
            await process.receiver.drain()
        assert set(world.handled) == set(bodies)
        if not unreliable and not kills:
            assert set(world.handled.values()) == {1}

    for seed in range(50 * thoroughly):
        run(seed)
