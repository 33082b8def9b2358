"""Tries again what prepares or ends a run, by the retry policy of its spec. Chunks have their own loop."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from dmsflow.errors import TransientError
from dmsflow.model.spec import Retry
from dmsflow.runtime.retry import TryAgain, decide_retry
from dmsflow.runtime.stop import StopSignal

Result = TypeVar("Result")


class Persistence(Struct, frozen=True, kw_only=True):
    """How often to try, and what ends the waiting between two tries."""

    policy: Retry
    stop: StopSignal

    def call(self, step: Callable[[], Result]) -> Result:
        """The step's result. Raises its last error; a step that is tried again must do no harm by that."""
        from random import random

        attempt = 1
        while True:
            try:
                return step()
            except TransientError as error:
                decision = decide_retry(self.policy, attempt, error, random)
                if not isinstance(decision, TryAgain) or self.stop.wait(decision.delay.total_seconds()):
                    raise
            attempt += 1
