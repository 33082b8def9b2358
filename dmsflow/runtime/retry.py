"""When to try a chunk again, as a pure decision. Sleeps nowhere."""

from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct

from dmsflow.errors import TransientError
from dmsflow.model.spec import Retry


class TryAgain(Struct, frozen=True, kw_only=True):
    """Wait, then try again."""

    delay: timedelta


class GiveUp(Struct, frozen=True, kw_only=True):
    """Another try cannot help, or there were enough."""


def decide_retry(policy: Retry, attempt: int, error: Exception, random: Callable[[], float]) -> TryAgain | GiveUp:
    """What follows the failure of attempt number ``attempt`` (from 1): doubling delays, jittered within the cap."""
    if not isinstance(error, TransientError) or attempt >= policy.attempts:
        return GiveUp()
    longest = min(policy.first_delay * 2 ** min(attempt - 1, 30), policy.max_delay)
    return TryAgain(delay=longest * (0.5 + random() / 2))
