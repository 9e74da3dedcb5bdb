import asyncio
import uuid

import pytest
from fakes import FakeTransport, answer, lost, now, operation, pickled, refused, settle, virtual_time

from pocketsflow_async import (
    UNSET,
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    Attempt,
    ConfigurationError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    PocketsflowError,
    RateLimit,
    RateLimiter,
    RateLimitError,
    RequestOptions,
    RetryPolicy,
)
from pocketsflow_async._config import Priority
from pocketsflow_async._executor import Executor
from pocketsflow_async._response import Response

ORDER = "pocketsflow_async._generated.pocketsflow.wire.orders:ORDER"
ORDERS = "pocketsflow_async._generated.pocketsflow.wire.orders:LIST_PAGE"

GET = operation()
CREATE = operation(name="things.create", method="POST", idempotency="key")
UPDATE = operation(name="things.update", method="POST", idempotency="never")
GET_ORDER = operation(name="orders.get", answer=ORDER)
LIST_ORDERS = operation(name="orders.list", answer=ORDERS)


class CountingQuota(RateLimiter):
    """A limiter that counts who came and who went, and how."""

    def __init__(self, limit: RateLimit | None = None) -> None:
        super().__init__(limit, clock=asyncio.get_running_loop().time)
        self.acquired = self.released = 0
        self.outcomes: list[str] = []

    def try_acquire(self) -> bool:
        granted = super().try_acquire()
        self.acquired += granted
        return granted

    async def acquire(self, priority: Priority = "normal") -> None:
        await super().acquire(priority)
        self.acquired += 1

    def release(self, answer: Response | None = None) -> None:
        self._ended("answered")
        super().release(answer)

    def give_up(self) -> None:
        self._ended("given up")
        super().give_up()

    def put_back(self) -> None:
        self._ended("put back")
        super().put_back()

    def _ended(self, outcome: str) -> None:
        self.released += 1
        self.outcomes.append(outcome)


def executor(transport: FakeTransport, *, quota: RateLimiter | None = None, **policy: float) -> Executor:
    """An executor on the virtual loop's time; without jitter unless asked for."""
    return Executor(transport, quota, RetryPolicy(**policy), clock=asyncio.get_running_loop().time)


def keys(transport: FakeTransport) -> list[str | None]:
    """The idempotency keys that were sent."""
    return [request.headers.get("Idempotency-Key") for request in transport.requests]


@virtual_time
async def test_all_tries_of_a_write_carry_one_key():
    """The key is made once for a call and sent on every try; the next call has another one."""
    transport = FakeTransport(lost, answer(503), answer())
    runner = executor(transport)

    await runner.call(CREATE)
    await runner.call(CREATE)

    first, second, third, other = keys(transport)
    assert first == second == third != other
    assert uuid.UUID(first).version == 4


@virtual_time
async def test_the_key_of_the_options_is_sent():
    """Who brings a key of their own has it sent on every try, on any method."""
    transport = FakeTransport(lost, answer())

    await executor(transport).call(UPDATE, options=RequestOptions(idempotency_key="mine"))

    assert keys(transport) == ["mine", "mine"]


@virtual_time
async def test_reads_carry_no_key():
    """A key on a read would mean nothing."""
    transport = FakeTransport(answer())

    await executor(transport).call(GET)

    assert keys(transport) == [None]


@pytest.mark.parametrize(
    ("asked", "failure", "tries"),
    [
        pytest.param(UPDATE, lost, 1, id="write without key, answer lost"),
        pytest.param(UPDATE, answer(500), 1, id="write without key, 500"),
        pytest.param(UPDATE, answer(503), 1, id="write without key, 503"),
        pytest.param(UPDATE, refused, 2, id="write without key, refused"),
        pytest.param(UPDATE, answer(429), 2, id="write without key, 429"),
        pytest.param(CREATE, lost, 2, id="write with key, answer lost"),
        pytest.param(CREATE, answer(500), 2, id="write with key, 500"),
        pytest.param(CREATE, answer(409), 1, id="write with key, 409"),
        pytest.param(GET, lost, 2, id="read, answer lost"),
        pytest.param(GET, answer(500), 2, id="read, 500"),
        pytest.param(GET, answer(503), 2, id="read, 503"),
        pytest.param(GET, answer(404), 1, id="read, 404"),
    ],
)
@virtual_time
async def test_what_is_tried_again(asked, failure, tries):
    """A call is repeated where another try may help and cannot do the work twice."""
    transport = FakeTransport(failure, answer())
    runner = executor(transport)

    if tries == 1:
        with pytest.raises(PocketsflowError) as caught:
            await runner.call(asked)
        assert len(caught.value.attempts) == 1
    else:
        await runner.call(asked)

    assert len(transport.requests) == tries


def slow() -> Exception:
    """The request may have arrived; no response came in time."""
    return APITimeoutError("slow")


@pytest.mark.parametrize("before", [lost, slow, answer(500), answer(503), answer(408)])
@virtual_time
async def test_a_conflict_with_our_own_attempt_is_waited_for(before):
    """After an attempt without a clear response, 409 says that the server is still at work on it."""
    transport = FakeTransport(before, answer(409), answer(409), answer())

    await executor(transport).call(CREATE)

    assert len(set(keys(transport))) == 1
    assert len(transport.requests) == 4
    _, second, third, fourth = transport.times
    assert third - second >= 0.5
    assert fourth - third >= 1.0


@pytest.mark.parametrize(
    ("asked", "before"),
    [
        pytest.param(CREATE, [], id="the first attempt"),
        pytest.param(CREATE, [refused], id="the first that arrived"),
        pytest.param(CREATE, [answer(429)], id="the first that was let in"),
        pytest.param(GET, [lost], id="no key"),
    ],
)
@virtual_time
async def test_any_other_conflict_is_an_error_at_once(asked, before):
    """A 409 is final where no earlier attempt with the same key can be in progress."""
    transport = FakeTransport(*before, answer(409, b'{"message":"taken"}'), answer())

    with pytest.raises(ConflictError) as caught:
        await executor(transport).call(asked)

    assert len(transport.requests) == len(caught.value.attempts) == len(before) + 1
    assert caught.value.message == "taken"


@virtual_time
async def test_a_conflict_that_lasts_says_that_the_outcome_is_unknown():
    """With the attempts used up the error stands, and warns that the work may have been done."""
    transport = FakeTransport(lost, answer(409, b'{"message":"in progress"}'))

    with pytest.raises(ConflictError, match=r"in progress; an earlier attempt .* is unknown") as caught:
        await executor(transport, attempts=3).call(CREATE)

    assert [attempt.outcome for attempt in caught.value.attempts] == ["APIConnectionError", "409", "409"]
    assert repr(pickled(caught.value)) == repr(caught.value)


@virtual_time
async def test_a_conflict_is_repeated_when_the_server_asks():
    """`Retry-After` of a 409 is a floor like any other, and `max_elapsed` ends the attempts."""
    transport = FakeTransport(lost, answer(409, retry_after="20"), answer())
    await executor(transport, base_delay=0.0).call(CREATE)

    assert transport.times[-1] == pytest.approx(20.0)

    transport = FakeTransport(lost, answer(409, retry_after="20"), answer())
    with pytest.raises(ConflictError, match="unknown"):
        await executor(transport, max_elapsed=19.0).call(CREATE)


@virtual_time
async def test_the_retry_of_the_options_counts():
    """A call may bring a policy of its own."""
    transport = FakeTransport(lost)

    with pytest.raises(APIConnectionError):
        await executor(transport).call(GET, options=RequestOptions(retry=RetryPolicy(attempts=2)))

    assert len(transport.requests) == 2


def timed_out() -> Exception:
    """The request was written, and no response came in time."""
    return APITimeoutError("slow", received=True)


def closed() -> Exception:
    """The transport was closed before the request was sent."""
    return ConfigurationError("closed")


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (timed_out, "given up"),
        (lost, "answered"),
        (refused, "put back"),
        (closed, "put back"),
        (answer(404), "answered"),
        (answer(503), "answered"),
        (answer(302), "answered"),
    ],
)
@virtual_time
async def test_every_try_takes_a_permit_and_gives_it_back(failure, outcome):
    """Each attempt takes one permit; the limiter is told whether a response came, or the request was never written."""
    quota = CountingQuota()
    transport = FakeTransport(failure)

    with pytest.raises(PocketsflowError) as caught:
        await executor(transport, quota=quota, attempts=3).call(GET)

    assert quota.acquired == quota.released == len(transport.requests) == len(caught.value.attempts)
    assert set(quota.outcomes) == {outcome}
    assert quota.state().under_way == 0


@virtual_time
async def test_a_success_gives_its_place_back():
    """A place is returned when the answer is complete."""
    quota = CountingQuota()

    await executor(FakeTransport(answer(), latency=3.0), quota=quota).call(GET)

    assert (quota.acquired, quota.released) == (1, 1)


@virtual_time
async def test_cancellation_passes_through_and_gives_the_place_back():
    """A cancelled call ends at once, is not repeated, and its place is free."""
    quota = CountingQuota()
    transport = FakeTransport(answer(), latency=1000.0)
    call = asyncio.create_task(executor(transport, quota=quota).call(GET))
    await settle()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert now() < 1.0
    assert (quota.acquired, quota.released, len(transport.requests)) == (1, 1, 1)


@virtual_time
async def test_a_programming_error_passes_through_and_gives_the_place_back():
    """What is no error of our tree is neither repeated nor dressed up."""
    quota = CountingQuota()
    transport = FakeTransport(lambda: ZeroDivisionError("slip"))

    with pytest.raises(ZeroDivisionError):
        await executor(transport, quota=quota).call(GET)

    assert (quota.acquired, quota.released, len(transport.requests)) == (1, 1, 1)


@virtual_time
async def test_a_429_pauses_everyone_for_as_long_as_the_server_asked():
    """Retry-After of one call's 429 holds the other calls of the quota too."""
    quota = CountingQuota()
    transport = FakeTransport(answer(429, retry_after="20"), answer())
    runner = executor(transport, quota=quota, base_delay=0.0)

    first = asyncio.create_task(runner.call(GET))
    await settle()
    await asyncio.gather(*[runner.call(GET) for _ in range(5)], first)

    assert transport.times[0] < 0.001
    assert all(20.0 <= moment < 20.001 for moment in transport.times[1:])


@virtual_time
async def test_a_429_without_a_wish_pauses_everyone_a_second():
    """Even when the server does not say how long, nobody hammers on."""
    quota = CountingQuota()
    transport = FakeTransport(answer(429), answer())

    await executor(transport, quota=quota, base_delay=0.0).call(GET)

    assert transport.times[1] == pytest.approx(1.0, abs=0.001)


@virtual_time
async def test_the_error_tells_its_timeline():
    """`.attempts` has every try: what came of it, what it waited for the quota, and how long it took."""
    quota = CountingQuota(RateLimit(sustained=100, burst=1, period=10.0))
    transport = FakeTransport(answer(503, x_request_id="req_1"), refused, answer(404), latency=2.0)

    with pytest.raises(NotFoundError) as caught:
        await executor(transport, quota=quota, base_delay=0.0).call(GET)

    told = [
        (one.number, one.outcome, round(one.waited, 3), round(one.elapsed, 3), one.status, one.request_id)
        for one in caught.value.attempts
    ]
    assert told == [
        (1, "503", 0.0, 2.0, 503, "req_1"),
        (2, "APIConnectionError", 10.1, 2.0, None, None),
        (3, "404", 0.0, 2.0, 404, None),  # the refused connection put its permit back
    ]


@virtual_time
async def test_a_success_tells_what_went_before():
    """A raw answer that took several tries carries the failed ones."""
    response = await executor(FakeTransport(lost, answer())).send(GET)

    assert [one.outcome for one in response.failures] == ["APIConnectionError"]


@virtual_time
async def test_nothing_sent_means_no_attempts():
    """An argument that cannot be sent fails before the quota and the wire."""
    quota = CountingQuota()
    transport = FakeTransport(answer())

    with pytest.raises(InvalidArgumentError) as caught:
        await executor(transport, quota=quota).call(operation(path="/things/{}"), ids=("..",))

    assert (caught.value.attempts, transport.requests, quota.acquired) == ((), [], 0)


@virtual_time
async def test_the_deadline_covers_a_try():
    """A try that lasts too long ends at the deadline, and the timeline names it."""
    transport = FakeTransport(answer(), latency=1000.0)

    with pytest.raises(APITimeoutError, match=r"deadline of 5 s$") as caught:
        await executor(transport).call(GET, options=RequestOptions(deadline=5.0))

    assert now() == pytest.approx(5.0, abs=0.001)
    (only,) = caught.value.attempts
    assert isinstance(only, Attempt)
    assert (only.number, only.status, round(only.elapsed, 3), caught.value.received) == (1, None, 5.0, True)


@virtual_time
async def test_the_deadline_covers_the_wait_for_quota():
    """A call that gets no turn in time ends at the deadline, sends nothing and leaves no hole."""
    quota = CountingQuota(RateLimit(sustained=1, burst=1, period=100.0))
    transport = FakeTransport(answer())
    runner = executor(transport, quota=quota)
    await runner.call(GET)

    with pytest.raises(APITimeoutError, match=r"all of it was spent waiting for the rate limit") as caught:
        await runner.call(GET, options=RequestOptions(deadline=5.0))

    assert now() == pytest.approx(5.0, abs=0.001)
    assert (caught.value.attempts, caught.value.received, len(transport.requests)) == ((), False, 1)
    await runner.call(GET)
    assert now() == pytest.approx(101.0, abs=0.001)


@virtual_time
async def test_the_deadline_covers_the_pauses():
    """A pause between tries ends at the deadline, and the timeline has the tries before it."""
    transport = FakeTransport(answer(429, retry_after="50"))

    with pytest.raises(APITimeoutError) as caught:
        await executor(transport).call(GET, options=RequestOptions(deadline=5.0))

    assert now() == pytest.approx(5.0, abs=0.001)
    assert [one.outcome for one in caught.value.attempts] == ["429"]


@virtual_time
async def test_closing_ends_what_waits_for_the_rate_limit_and_nothing_else():
    """Calls of the closed client end at once and give their places back; another client's goes as if alone."""
    quota = CountingQuota(RateLimit(sustained=1, burst=1, period=100.0))
    closing, other = executor(FakeTransport(answer()), quota=quota), executor(FakeTransport(answer()), quota=quota)
    await other.call(GET)
    calls = [asyncio.create_task(closing.call(GET)) for _ in range(3)]
    await settle()
    going_on = asyncio.create_task(other.call(GET))
    await settle()

    closing.idle.close()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    at = now()
    await going_on

    assert [(type(end), end.attempts) for end in ended] == [(ConfigurationError, ())] * 3
    assert all("closed while the call waited" in str(end) for end in ended)
    assert at < 0.001
    assert now() == pytest.approx(101.0, abs=0.001)
    with pytest.raises(ConfigurationError, match="closed"):
        await closing.call(GET)


@virtual_time
async def test_closing_ends_the_pause_before_the_next_attempt():
    """A call that failed and would be sent again ends at once, and tells the attempts that it made."""
    runner = executor(FakeTransport(answer(503, retry_after="50")))
    call = asyncio.create_task(runner.call(GET))
    await settle()

    runner.idle.close()

    with pytest.raises(ConfigurationError, match="closed while the call waited") as caught:
        await call
    assert [one.outcome for one in caught.value.attempts] == ["503"]
    assert now() < 0.001
    assert asyncio.current_task().cancelling() == 0


@virtual_time
async def test_a_call_in_flight_when_the_client_is_closed_is_not_repeated():
    """Its own error stands."""
    runner = executor(FakeTransport(lost, latency=5.0))
    call = asyncio.create_task(runner.call(GET))
    await settle()

    runner.idle.close()

    with pytest.raises(APIConnectionError) as caught:
        await call
    assert (len(caught.value.attempts), now()) == (1, pytest.approx(5.0, abs=0.001))


@virtual_time
async def test_a_waiting_call_that_is_cancelled_and_closed_at_once_is_cancelled():
    """Closing does not take a cancellation of the caller away, nor one that the task had before."""
    quota = CountingQuota(RateLimit(sustained=1, burst=1, period=100.0))
    runner = executor(FakeTransport(answer()), quota=quota)
    await runner.call(GET)

    async def one() -> str:
        try:
            await asyncio.sleep(1000.0)
        except asyncio.CancelledError:  # cleans up with a call
            try:
                await runner.call(GET)
            except ConfigurationError:
                return "closed"
        return "done"

    calls = [asyncio.create_task(one()) for _ in range(2)]
    await settle()
    for call in calls:
        call.cancel()
    await settle()

    calls[0].cancel()
    runner.idle.close()

    with pytest.raises(asyncio.CancelledError):
        await calls[0]
    assert await calls[1] == "closed"
    assert calls[1].cancelling() == 1


@virtual_time
async def test_a_call_within_its_deadline_is_not_disturbed():
    """A deadline that does not pass changes nothing."""
    transport = FakeTransport(lost, answer(body=b'{"message": "done"}'), latency=1.0)

    message = await executor(transport).call(GET, options=RequestOptions(deadline=60.0))

    assert message.message == "done"


@virtual_time
async def test_a_cancellation_from_outside_is_not_taken_for_the_deadline():
    """Cancelling a call that has a deadline cancels it."""
    call = asyncio.create_task(
        executor(FakeTransport(answer(), latency=50.0)).call(GET, options=RequestOptions(deadline=60.0))
    )
    await settle()

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


@virtual_time
async def test_an_id_that_repeats_the_key_is_not_shown():
    """What a server sends as the id of a request is looked through before an error tells it."""
    secrets = ("pk_test_sandbox_1",)
    one = Executor(
        FakeTransport(answer(200, b"no", x_request_id=secrets[0])), None, RetryPolicy(), secrets=lambda: secrets
    )

    for road in (one.call, one.request):
        with pytest.raises(APIResponseError) as caught:
            await road(GET)
        assert [(only.outcome, only.request_id) for only in caught.value.attempts] == [("APIResponseError", "***")]


@virtual_time
async def test_a_body_of_the_wrong_shape_is_told_with_its_place():
    """The error names the operation and the place, and has the status, the body and every try."""
    body = b'{"_id": "a", "product": {"_id": 5}}'
    transport = FakeTransport(lost, answer(201, body, x_request_id="req_7"), latency=2.0)

    with pytest.raises(APIResponseError) as caught:
        await executor(transport).call(GET_ORDER)

    error = caught.value
    assert (error.path, error.status, error.body) == ("$.product._id", 201, body)
    assert str(error).startswith("orders.get: ")
    assert "$.product._id" in str(error)
    first, last = error.attempts
    assert (first.number, first.outcome) == (1, "APIConnectionError")
    assert (last.number, last.outcome, last.status, last.request_id) == (2, "APIResponseError", 201, "req_7")
    assert (last.waited, last.elapsed) == pytest.approx((0.0, 2.0))


@virtual_time
async def test_a_wrong_page_of_raw_records_is_told_alike():
    """Raw pages name the operation and the status too."""
    with pytest.raises(APIResponseError, match=r"^orders.list: ") as caught:
        (await executor(FakeTransport(answer(203, b'{"orders": 5}'))).fetch(LIST_ORDERS, raw=True))()

    assert (caught.value.path, caught.value.status) == ("$.orders", 203)


@virtual_time
async def test_a_raw_page_counts_its_requests():
    """A raw page knows how many tries it took and how many of them were refused by the quota."""
    transport = FakeTransport(answer(429), lost, answer(body=b'{"orders": [{"_id": "a"}]}'))

    page = (await executor(transport, base_delay=0.0).fetch(LIST_ORDERS, raw=True))()

    assert ([bytes(one) for one in page.items], page.requests, page.throttled) == ([b'{"_id": "a"}'], 3, 1)


@pytest.mark.parametrize("status", [200, 202, 204])
@virtual_time
async def test_an_empty_body_is_a_message_without_words(status):
    """Calls that answer with nothing give a message whose text is None."""
    message = await executor(FakeTransport(answer(status, b""))).call(GET)

    assert message.message is None


@virtual_time
async def test_an_empty_body_is_no_model():
    """Where a model needs fields, an empty body is an APIResponseError."""
    with pytest.raises(APIResponseError, match="_id") as caught:
        await executor(FakeTransport(answer(204, b""))).call(GET_ORDER)

    assert (caught.value.status, caught.value.body) == (204, b"")


@virtual_time
async def test_the_body_is_sent_as_json():
    """A body is written once; a call without one sends none."""
    transport = FakeTransport(answer())
    runner = executor(transport)

    await runner.call(CREATE, body={"a": None, "b": [1]})
    await runner.call(CREATE, body=None)
    await runner.call(CREATE, body=UNSET)

    assert [request.body for request in transport.requests] == [b'{"a":null,"b":[1]}', b"null", None]


@virtual_time
async def test_a_last_429_is_raised_with_its_wish():
    """When the tries are used up, the RateLimitError tells how long the server wanted us to wait."""
    transport = FakeTransport(answer(429, retry_after="3"))

    with pytest.raises(RateLimitError) as caught:
        await executor(transport, attempts=2).call(GET)

    assert caught.value.retry_after == 3.0
    assert [one.status for one in caught.value.attempts] == [429, 429]
    assert caught.value.__context__ is None
