"""Tries again what has failed for a moment only, by the retry policy of a spec."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from dmsflow.errors import TransientError
from dmsflow.model.spec import Retry
from dmsflow.runtime.retry import decide_delay
from dmsflow.runtime.stop import StopSignal

Result = TypeVar("Result")


def tell_nobody(_error: TransientError, _attempt: int) -> None:
    """What fails is known to whoever is called."""


class Persistence(Struct, frozen=True, kw_only=True):
    """How often to try, what ends the waiting between two attempts, and who hears of each that failed for a moment."""

    policy: Retry
    stop: StopSignal
    tell: Callable[[TransientError, int], None] = tell_nobody

    def call(self, step: Callable[[], Result]) -> Result:
        """The step's result. Raises its last error; a step that is tried again must do no harm by that."""
        try:
            return step()
        except TransientError as error:
            self.tell(error, 1)
            return self._call_again(step, error)

    def _call_again(self, step: Callable[[], Result], last: TransientError) -> Result:
        """Wait and try again, after a first attempt that has failed; a stop ends it with the error there was."""
        # Imported late: a run in which nothing fails does without.
        from random import random

        from tenacity import RetryCallState, Retrying, retry_if_exception_type

        def is_last(state: RetryCallState) -> bool:
            return self.stop.requested or state.attempt_number >= self.policy.attempts

        def delay(state: RetryCallState) -> float:
            return decide_delay(self.policy, state.attempt_number, random).total_seconds()

        def sleep(seconds: float) -> None:
            self.stop.wait(seconds)

        def attempt() -> Result:
            nonlocal last
            if retrying.statistics["attempt_number"] == 1 or self.stop.requested:
                raise last
            try:
                return step()
            except TransientError as error:
                last = error
                self.tell(error, retrying.statistics["attempt_number"])
                raise

        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=is_last,
            wait=delay,
            sleep=sleep,
            reraise=True,
        )
        return retrying(attempt)
