"""What the checks of a run found, for a person. Foreign text is escaped."""

from collections.abc import Iterator, Sequence

from dmsflow.cli.render.colour import paint
from dmsflow.cli.render.words import count_of, escape, write_count
from dmsflow.events import redact
from dmsflow.model.checks import CheckOn, CheckResult, CheckStatus

COLOURS = {CheckStatus.WARNED: "yellow", CheckStatus.FAILED: "red"}
PLACES = {CheckOn.ROW: "of rows", CheckOn.STAGED: "on the staged rows", CheckOn.RESULT: "on the result"}


def render_checks(results: Sequence[CheckResult], *, colour: bool) -> Iterator[str]:
    """Those that passed in one line, each of the others with what it found and where."""
    passed = sum(result.status is CheckStatus.PASSED for result in results)
    if passed:
        yield f"checks: {count_of(passed, 'check')} passed"
    for result in results:
        if result.status is not CheckStatus.PASSED:
            word = paint(result.status.value, COLOURS[result.status]) if colour else result.status.value
            yield f"check {result.name} {PLACES[result.on]} {word}: {escape(redact(_tell(result)))}"


def _tell(result: CheckResult) -> str:
    of = f" of {write_count(result.of)}" if result.rows and result.of else ""
    told = f"{result.message}{of}" if not of else result.message.replace(f"{result.rows:,}", f"{result.rows:,}{of}", 1)
    return f"{told}, such as {'; '.join(result.samples)}" if result.samples else told
