"""The waits between attempts: doubling, jittered, never beyond the cap; a stop ends them and the attempts."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmsflow.errors import PermanentError, TransientError
from dmsflow.model.spec import Retry
from dmsflow.runtime.persist import Persistence
from dmsflow.runtime.retry import decide_delay
from dmsflow.runtime.stop import StopSignal

DELAYS = st.timedeltas(timedelta(milliseconds=1), timedelta(hours=1))
QUICK = Retry(attempts=3, first_delay=timedelta(milliseconds=1), max_delay=timedelta(milliseconds=2))


@given(DELAYS, DELAYS, st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_doubles_and_its_jitter_stays_within_the_cap(first, cap, attempt, chance) -> None:
    policy = Retry(attempts=10_000, first_delay=first, max_delay=cap)
    longest = min(first * 2 ** min(attempt - 1, 30), cap)
    assert longest / 2 <= decide_delay(policy, attempt, lambda: chance) <= longest


def counting(*errors: Exception | None):
    """A step that ends in these errors, one after the other, and in the number of its attempts where there is none."""
    left, calls = list(errors), []

    def step() -> int:
        calls.append(None)
        if error := left.pop(0):
            raise error
        return len(calls)

    return step, calls


def test_a_step_is_tried_until_it_succeeds() -> None:
    step, _ = counting(TransientError("one"), TransientError("two"), None)
    assert Persistence(policy=QUICK, stop=StopSignal()).call(step) == 3


@pytest.mark.parametrize(
    ("errors", "attempts"),
    [
        ([TransientError("one"), TransientError("two"), TransientError("last")], 3),
        ([TransientError("one"), PermanentError("last")], 2),
        ([PermanentError("last")], 1),
    ],
)
def test_the_last_error_comes_out_with_its_cause(errors, attempts) -> None:
    errors[-1].__cause__ = OSError("why")
    step, calls = counting(*errors)
    with pytest.raises(type(errors[-1]), match="last") as caught:
        Persistence(policy=QUICK, stop=StopSignal()).call(step)
    assert (len(calls), str(caught.value.__cause__)) == (attempts, "why")


def test_a_stop_ends_the_waiting_and_no_attempt_follows() -> None:
    patient = Retry(attempts=5, first_delay=timedelta(minutes=1), max_delay=timedelta(minutes=1))
    stop = StopSignal()
    step, calls = counting(*(TransientError("lost") for _ in range(5)))
    threading.Timer(0.05, stop.request).start()
    with pytest.raises(TransientError, match="lost"):
        Persistence(policy=patient, stop=stop).call(step)
    assert len(calls) == 1


def test_nothing_is_tried_again_once_a_stop_is_requested() -> None:
    stop = StopSignal()
    stop.request()
    step, calls = counting(TransientError("lost"), None)
    with pytest.raises(TransientError, match="lost"):
        Persistence(policy=QUICK, stop=stop).call(step)
    assert len(calls) == 1
