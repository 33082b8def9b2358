"""What the checks of a run found, as far as it has come. Asks no database."""

from threading import Lock

from dmsflow.model.checks import CheckKind, CheckOn, CheckResult, PlannedCheck, status_of
from dmsflow.model.plan import Plan

SAMPLES = 5


class Findings:
    """What the checks of a run found, chunk by chunk; a chunk that is tried again says it anew."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], CheckResult] = {}
        self._lock = Lock()

    def note(self, chunk: int, results: tuple[CheckResult, ...]) -> None:
        """Keep what was found in a chunk; 0 is the run as a whole."""
        with self._lock:
            for result in results:
                self._found[chunk, result.name] = result

    def total(self, plan: Plan) -> tuple[CheckResult, ...]:
        """The results of the run, in the order of the spec; a check that nothing was asked of is left out."""
        with self._lock:
            found = dict(sorted(self._found.items()))
        by_check = ((check, [one for (_, name), one in found.items() if name == check.name]) for check in plan.checks)
        return tuple(_add_up(check, results) for check, results in by_check if results)


def _add_up(check: PlannedCheck, results: list[CheckResult]) -> CheckResult:
    if len(results) == 1:
        return results[0]
    rows, of = sum(one.rows for one in results), sum(one.of for one in results)
    samples = tuple(sample for one in results for sample in one.samples)[:SAMPLES]
    return answer(check, holds=rows == 0, rows=rows, of=of, samples=samples)


def answer(
    check: PlannedCheck,
    *,
    holds: bool,
    rows: int = 0,
    of: int = 0,
    message: str | None = None,
    samples: tuple[str, ...] = (),
) -> CheckResult:
    """The result of a check; its message says what was found where it does not hold."""
    if message is None:
        by_set = check.kind is CheckKind.EXPR and check.on is not CheckOn.ROW
        message = f"{check.told} is false" if by_set else f"{rows:,} {check.told}"
    return CheckResult(
        name=check.name,
        on=check.on,
        severity=check.severity,
        status=status_of(check.severity, holds=holds),
        rows=rows,
        of=of,
        message="" if holds else message,
        samples=samples,
    )
