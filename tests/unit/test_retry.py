import random
from itertools import pairwise

import pytest
from fakes import Clock, answer, lost, refused, virtual_time
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async import APIConnectionError, APIResponseError, APITimeoutError, InvalidArgumentError, RetryPolicy
from pocketsflow_async._response import Response, error_from
from pocketsflow_async._retry import Again, delays, may_repeat, retrying


def status(number: int, **headers: str) -> Exception:
    """The error of an answer with this status."""
    return error_from(answer(number, **headers), "things.get")


NEVER_ARRIVED = ("yes", "yes")
MAYBE_DONE = ("yes", "no")
NO_USE = ("no", "no")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(refused(), NEVER_ARRIVED, id="connection refused"),
        pytest.param(APITimeoutError("connect", received=False), NEVER_ARRIVED, id="timeout while connecting"),
        pytest.param(APIConnectionError("no trust", received=False, temporary=False), NO_USE, id="wrong certificate"),
        pytest.param(status(429), NEVER_ARRIVED, id="429"),
        pytest.param(lost(), MAYBE_DONE, id="answer lost"),
        pytest.param(APITimeoutError("slow"), MAYBE_DONE, id="timeout"),
        *[pytest.param(status(code), MAYBE_DONE, id=str(code)) for code in (408, 500, 502, 503, 504)],
        *[pytest.param(status(code), NO_USE, id=str(code)) for code in (302, 400, 401, 403, 404, 409, 422, 501, 505)],
        pytest.param(APIResponseError("odd"), NO_USE, id="odd answer"),
        pytest.param(InvalidArgumentError("odd"), NO_USE, id="odd argument"),
    ],
)
def test_what_is_repeated(error, expected):
    """A request that may be repeated is tried again where that can help; any other only if it was not acted on."""
    decisions = tuple("yes" if may_repeat(error, repeatable=repeatable) else "no" for repeatable in (True, False))

    assert decisions == expected


def pauses(policy: RetryPolicy, *errors: Exception, took: float = 0.0, waited: float = 0.0, share: float = 1.0):
    """The pauses after these errors, each try taking so long; the draw is always this share of what is possible."""
    clock = Clock()
    generator = delays(policy, clock=clock, spread=lambda low, high: low + (high - low) * share)
    generator.send(None)
    found = []
    for error in errors:
        clock.now += waited + took
        try:
            found.append(generator.send(Again(error, waited=waited, elapsed=took)))
        except StopIteration:
            break
        clock.now += found[-1]
    return found


def test_the_ceiling_doubles_up_to_the_longest_pause():
    """Pauses are drawn below a ceiling that doubles with every try and ends at max_delay."""
    policy = RetryPolicy(base_delay=0.5, max_delay=3.0)

    assert pauses(policy, *[lost()] * 5) == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_the_shortest_draw_does_not_wait():
    """Full jitter begins at nothing, so that many clients do not come back together."""
    assert pauses(RetryPolicy(), *[lost()] * 3, share=0.0) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_a_floor(code):
    """The server's own wish is kept, and the jitter comes on top."""
    policy = RetryPolicy(base_delay=0.5)
    errors = [status(code, retry_after="7")]

    assert pauses(policy, *errors, share=0.0) == [7.0]
    assert pauses(policy, *errors, share=1.0) == [7.5]


def test_retry_after_may_be_longer_than_our_longest_pause():
    """max_delay bounds our own pauses, not the server's wish."""
    policy = RetryPolicy(base_delay=0.0, max_delay=1.0, max_elapsed=100.0)

    assert pauses(policy, status(429, retry_after="60")) == [60.0]


def test_a_wish_beyond_max_elapsed_ends_the_tries():
    """Who is asked to wait longer than the policy allows gets the error at once."""
    policy = RetryPolicy(max_elapsed=30.0)

    assert pauses(policy, status(429, retry_after="31")) == []


def test_no_try_begins_after_max_elapsed():
    """The pause that would end after max_elapsed is not begun."""
    policy = RetryPolicy(base_delay=10.0, max_delay=10.0, max_elapsed=35.0)

    assert pauses(policy, *[lost()] * 9) == [10.0, 10.0, 10.0]
    assert pauses(policy, *[lost()] * 9, took=10.0) == [10.0]


def test_the_wait_for_quota_does_not_count_as_elapsed():
    """A call that stood in the row for long is repeated like any other."""
    policy = RetryPolicy(base_delay=10.0, max_delay=10.0, max_elapsed=35.0)

    assert pauses(policy, *[lost()] * 9, waited=1000.0) == [10.0, 10.0, 10.0]


@given(
    policy=st.builds(
        RetryPolicy,
        max_elapsed=st.floats(0.1, 1000.0),
        base_delay=st.floats(0.0, 100.0),
        max_delay=st.floats(0.0, 100.0),
    ),
    wishes=st.lists(st.one_of(st.none(), st.integers(0, 200)), max_size=12),
    seed=st.integers(),
    took=st.floats(0.0, 20.0),
)
def test_pauses_stay_within_their_bounds(policy, wishes, seed, took):
    """Every pause lies between the server's wish and the ceiling above it, and none ends after max_elapsed."""
    clock, draw = Clock(), random.Random(seed)
    generator = delays(policy, clock=clock, spread=draw.uniform)
    generator.send(None)
    start = clock.now
    for number, wish in enumerate(wishes):
        clock.now += took
        error = lost() if wish is None else status(429, retry_after=str(wish))
        try:
            pause = generator.send(Again(error, elapsed=took))
        except StopIteration:
            return
        clock.now += pause
        floor, ceiling = wish or 0, min(policy.base_delay * 2**number, policy.max_delay)

        assert floor <= pause <= floor + ceiling + 1e-6
        assert clock.now - start <= policy.max_elapsed + 1e-6


class FailingCall:
    """A call that asks for another try as long as it has errors left."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    async def attempt(self) -> Response:
        self.tries += 1
        if self.errors:
            raise Again(self.errors.pop(0))
        return answer()


@pytest.mark.parametrize("attempts", [1, 2, 5])
@virtual_time
async def test_attempts_counts_all_tries(attempts):
    """`attempts` is the number of tries, the first included; with 1 nothing is repeated."""
    call = FailingCall(*[lost()] * 9)

    with pytest.raises(Again):
        await retrying(call, RetryPolicy(attempts=attempts))

    assert call.tries == attempts


@virtual_time
async def test_the_last_error_stands():
    """When the tries are used up, the error is that of the last one."""
    first, last = lost(), refused()

    with pytest.raises(Again) as caught:
        await retrying(FailingCall(first, last), RetryPolicy(attempts=2))

    assert caught.value.error is last


@virtual_time
async def test_a_success_ends_the_tries():
    """After an answer nothing is tried again."""
    call = FailingCall(lost(), lost())

    response = await retrying(call, RetryPolicy())

    assert (response.status, call.tries) == (200, 3)


@virtual_time
async def test_what_does_not_ask_for_another_try_passes_through():
    """Errors other than `Again` end the call at once."""

    class Broken:
        async def attempt(self) -> Response:
            raise APIConnectionError("final")

    with pytest.raises(APIConnectionError, match="final"):
        await retrying(Broken(), RetryPolicy())


def test_draws_spread_over_the_whole_range():
    """The usual draw is random: many pauses differ and fill the range."""
    generator = delays(RetryPolicy(base_delay=30.0, max_delay=30.0, max_elapsed=1e9))
    generator.send(None)
    found = sorted(generator.send(Again(lost())) for _ in range(300))

    assert found[0] < 3.0
    assert found[-1] > 27.0
    assert max(later - earlier for earlier, later in pairwise(found)) < 3.0
