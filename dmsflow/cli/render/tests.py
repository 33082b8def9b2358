"""Results of spec tests for a person, for a program, and as JUnit XML. Runs none."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from xml.etree import ElementTree

import msgspec

from dmsflow.cli.render.colour import paint
from dmsflow.cli.render.diagnostics import show_file
from dmsflow.cli.render.words import count_of, escape, write_span
from dmsflow.rehearsal.judge import Difference
from dmsflow.rehearsal.spec_tests import TestResult

UNPRINTABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd")
"""What XML cannot hold."""


class TestRenderer:
    """Renders results as they come: each file once, then its tests."""

    def __init__(self, *, colour: bool) -> None:
        self._colour, self._file = colour, ""

    def render(self, result: TestResult) -> str:
        """The test, and how it differs from what was expected."""
        lines = [] if result.file == self._file else [escape(show_file(result.file))]
        self._file = result.file
        word = self._paint("ok  ", "green") if result.passed else self._paint("FAIL", "red")
        lines.append(f"  {word} {escape(result.name)}" + ("" if result.passed else f" ({write_place(result)})"))
        lines += [f"       {line}" for line in self._explain(result)]
        return "\n".join(lines)

    def render_end(self, results: Sequence[TestResult], seconds: float) -> str:
        """How many there were."""
        failed = sum(not result.passed for result in results)
        told = f"{count_of(len(results) - failed, 'test')} passed"
        failures = f", {self._paint(f'{failed:,} failed', 'red')}" if failed else ""
        return f"\n{told}{failures} in {write_span(timedelta(seconds=seconds))}"

    def _explain(self, result: TestResult) -> Iterator[str]:
        if result.error is not None:
            yield escape(result.error)
        for difference in result.differences:
            yield escape(difference.about)
            if difference.expected is not None:
                yield self._paint(f"  - expected {escape(difference.expected)}", "green")
            if difference.found is not None:
                yield self._paint(f"  + found    {escape(difference.found)}", "red")

    def _paint(self, text: str, colour: str) -> str:
        return paint(text, colour) if self._colour else text


def write_place(result: TestResult) -> str:
    """Where a test failed: ``step 2, line 31``."""
    return f"step {result.step}, line {result.line}"


def render_json(results: Sequence[TestResult]) -> str:
    """A list of results."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2).decode()


def render_junit(results: Sequence[TestResult], seconds: float) -> str:
    """One suite for each file, one case for each test."""
    whole = {"name": "dmsflow"} | _counts(results) | {"time": f"{seconds:.3f}"}
    root = ElementTree.Element("testsuites", whole)
    for file, group in groupby(results, key=lambda result: result.file):
        listed = list(group)
        time = {"time": f"{sum(result.seconds for result in listed):.3f}"}
        named = {"name": _plain(show_file(file))} | _counts(listed) | time
        suite = ElementTree.SubElement(root, "testsuite", named)
        for result in listed:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=_plain(result.pipeline),
                name=_plain(result.name),
                file=_plain(show_file(file)),
                line=str(result.line),
                time=f"{result.seconds:.3f}",
            )
            if result.error is not None:
                ElementTree.SubElement(case, "error", message=_plain(result.error)).text = _plain(result.error)
            elif result.differences:
                told = [_write_difference(difference) for difference in result.differences]
                failure = ElementTree.SubElement(case, "failure", message=_plain(f"{write_place(result)}: {told[0]}"))
                failure.text = _plain("\n".join(told))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(results: Sequence[TestResult]) -> dict[str, str]:
    errors = sum(result.error is not None for result in results)
    failures = sum(not result.passed for result in results) - errors
    return {"tests": str(len(results)), "failures": str(failures), "errors": str(errors)}


def _write_difference(difference: Difference) -> str:
    parts = [difference.about]
    if difference.expected is not None:
        parts.append(f"expected {difference.expected}")
    if difference.found is not None:
        parts.append(f"found {difference.found}")
    return ": ".join((parts[0], ", ".join(parts[1:])))


def _plain(text: str) -> str:
    return text.translate(UNPRINTABLE)
