"""Judges the checks of a plan, in the session that holds what they look at. Blocking ones raise CheckFailed."""

from datetime import UTC

from dmsflow.errors import CheckFailed
from dmsflow.marks.lease import read_instant
from dmsflow.model.checks import CheckKind, CheckOn, CheckResult, CheckStatus, PlannedCheck
from dmsflow.runtime.findings import answer
from dmsflow.runtime.run import Run, Steps

WHERE = {CheckOn.ROW: "of each row", CheckOn.STAGED: "on the staged rows", CheckOn.RESULT: "on the result"}


def judge_checks(run: Run, steps: Steps, *places: CheckOn, done: str, next_step: str) -> None:
    """Ask every check of these places, note the answers, and raise CheckFailed where a blocking one does not hold."""
    results = tuple(_ask(run, steps, check) for check in run.plan.checks if check.on in places)
    if not results:
        return
    _note(run, steps, results)
    failed = [one for one in results if one.status is CheckStatus.FAILED and one.on is not CheckOn.ROW]
    if failed:
        told = "; ".join(f"check {one.name} {WHERE[one.on]} failed: {tell_answer(one)}" for one in failed)
        raise CheckFailed(f"{told}: {done}", next_step=next_step)


def judge_result(run: Run, steps: Steps) -> None:
    """Ask the checks on the target, in the transaction that ends the run: what several chunks have loaded stays."""
    if len(run.plan.chunks) == 1:
        done, step = "nothing was written", "correct the source, or the check"
    else:
        done = "what the chunks have loaded stays, no key was closed, and the checkpoint does not move"
        step = "correct the rows, in the target or in the source, and apply again"
    judge_checks(run, steps, CheckOn.RESULT, done=done, next_step=step)


def note_sound_rows(run: Run, steps: Steps, read: int) -> None:
    """Note that every row of a chunk that was merged without a stage met its checks: one that did not ends that."""
    checks = [check for check in run.plan.checks if check.on is CheckOn.ROW]
    _note(run, steps, tuple(answer(check, holds=True, rows=0, of=read) for check in checks))


def tell_answer(result: CheckResult) -> str:
    """What was found, with the first samples."""
    return f"{result.message}, such as {'; '.join(result.samples)}" if result.samples else result.message


def _note(run: Run, steps: Steps, results: tuple[CheckResult, ...]) -> None:
    chunk = steps.values.get("chunk")
    run.findings.note(chunk if isinstance(chunk, int) else 0, results)


def _ask(run: Run, steps: Steps, check: PlannedCheck) -> CheckResult:
    first, of = steps.fetch(f"check_{check.name}")[0]
    whole = int(str(of or 0))
    if check.kind is CheckKind.FRESH:
        return _judge_age(run, check, first, whole)
    if check.kind is CheckKind.ROWS:
        low, high = check.min_rows, check.max_rows
        holds = (low is None or whole >= low) and (high is None or whole <= high)
        wanted = f"{'' if low is None else f' at least {low:,}'}{'' if high is None else f' at most {high:,}'}"
        return answer(check, holds=holds, of=whole, message=f"there are {whole:,} rows, wanted are{wanted}")
    rows = int(str(first or 0))
    samples: tuple[str, ...] = ()
    if rows and steps.has(f"sample_{check.name}"):
        found = steps.fetch(f"sample_{check.name}")
        samples = tuple(", ".join(f"{n}={v!s}" for n, v in zip(check.columns, row, strict=True)) for row in found)
    return answer(check, holds=rows == 0, rows=rows, of=whole, samples=samples)


def _judge_age(run: Run, check: PlannedCheck, latest: object, of: int) -> CheckResult:
    """How old the latest row is at the run's instant; where there is none, nothing is fresh."""
    if latest is None:
        return answer(check, holds=False, of=of, message=f"there is no {check.told} at all")
    instant = read_instant(latest)  # type: ignore[arg-type]
    instant = instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    age, within = (run.run_at - instant).total_seconds(), check.within or 0.0
    told = f"the latest {check.told} is {instant}, {age / 3600:,.1f} hours before the run, wanted are {within / 3600:g}"
    return answer(check, holds=age <= within, of=of, message=told)
