"""How long to wait before another attempt, as a pure decision. Sleeps nowhere."""

from collections.abc import Callable
from datetime import timedelta

from dmsflow.model.spec import Retry


def decide_delay(policy: Retry, attempt: int, random: Callable[[], float]) -> timedelta:
    """How long to wait after attempt number ``attempt`` (from 1) has failed: doubling, jittered within the cap."""
    longest: timedelta = min(policy.first_delay * 2 ** min(attempt - 1, 30), policy.max_delay)
    return longest * (0.5 + random() / 2)
