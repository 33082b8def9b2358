"""Plans made before, so that the nightly run of an unchanged spec builds no SQL anew. Start-up is what this saves.

A plan's statements depend on the spec, the shapes of both tables and how the work is cut, not on rows, watermarks or
boundaries. The key holds all of the former and the code itself; the latter are filled in again.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from dmsflow.compiler.chunking import Cut, count_off, count_workers, make_chunks
from dmsflow.compiler.explain_choices import checkpoint_choices, chunk_choice, worker_choice
from dmsflow.model.facts import Facts
from dmsflow.model.plan import (
    CheckpointPlan,
    Decision,
    Digests,
    Plan,
    PlannedSource,
    Transfer,
    decode_plan,
    encode_plan,
    fingerprint,
    fingerprint_terms,
)
from dmsflow.model.spec import PipelineSpec

KEPT_PLANS = 200
ROOMS = ("compiler", "compiler/evolution", "engines", "marks", "model", "scd")


def plan_key(
    spec: PipelineSpec, spec_digest: str, facts: Facts, cut: Cut, checkpoint: CheckpointPlan, transfer: Transfer
) -> str:
    """What the statements of a plan depend on, as a fingerprint."""
    shapes = replace(
        facts,
        source=replace(facts.source, estimated_rows=None),
        target=replace(facts.target, estimated_rows=None),
        boundaries=(),
        start=None,
        fence=None,
        start_ties=None,
    )
    window = (checkpoint.start is not None, checkpoint.fence is not None)
    cutting = (cut.count > 1, cut.keys, window)
    parts = (code_fingerprint(), spec_digest, spec.file, spec.target.table, shapes, transfer, cutting)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def code_fingerprint() -> str:
    """Sizes and times of the code that builds plans: another version of it builds its own."""
    rooms = Path(__file__).parents[1]
    files = [file for room in ROOMS for file in os.scandir(rooms / room) if file.is_file()]
    marks = sorted((file.path, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return hashlib.sha256(str(marks).encode()).hexdigest()


def recall(folder: Path | None, key: str) -> Plan | None:
    """The plan of that key, if it was kept and can be read."""
    if folder is None:
        return None
    try:
        return decode_plan((folder / f"{key}.json").read_bytes())
    except (OSError, ValueError):
        return None


def remember(folder: Path | None, key: str, plan: Plan) -> None:
    """Keep a plan, and only so many. A folder that cannot be written is no reason to fail: it only saves time."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f"{key}.{os.getpid()}"
        aside.write_bytes(encode_plan(plan))
        aside.replace(folder / f"{key}.json")
        for old in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)[:-KEPT_PLANS]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def refresh(
    plan: Plan, spec: PipelineSpec, spec_digest: str, facts: Facts, cut: Cut, checkpoint: CheckpointPlan
) -> Plan:
    """A plan made before, with today's chunks, watermark and estimates."""
    chunks = make_chunks(cut, facts)
    workers, why = count_workers(spec, facts, len(chunks))
    fresh = [chunk_choice(cut), worker_choice(workers, why), *checkpoint_choices(checkpoint)]
    return replace(
        plan,
        source=planned_source(spec, facts),
        target=replace(plan.target, estimated_rows=facts.target.estimated_rows),
        chunks=chunks,
        workers=workers,
        checkpoint=checkpoint,
        counted=count_off(spec, cut),
        decisions=_replaced(plan.decisions, fresh),
        digests=digest_facts(spec_digest, facts),
        guards=spec.guards,
        errors=spec.errors,
        retry=spec.retry,
        params=tuple((param.name, str(param.value)) for param in spec.params if param.value is not None),
    )


def _replaced(decisions: Sequence[Decision], fresh: Sequence[Decision]) -> tuple[Decision, ...]:
    """The decisions in their order, those of today in place of the old ones."""
    by_subject = {decision.about: decision for decision in fresh}
    return tuple(by_subject.get(decision.about, decision) for decision in decisions)


def planned_source(spec: PipelineSpec, facts: Facts) -> PlannedSource:
    """The source as a plan names it."""
    return PlannedSource(
        connection=spec.source.connection,
        engine=facts.source.engine,
        label=facts.source.label,
        attach=facts.source.attach,
        estimated_rows=facts.source.estimated_rows,
    )


def digest_facts(spec_digest: str, facts: Facts) -> Digests:
    """Fingerprints of what a plan rests on, to be compared before it runs."""
    stands = facts.evolution.stands or facts.target.shape
    return Digests(
        spec=spec_digest[:16],
        target=fingerprint(stands),
        checkpoint=fingerprint(facts.start),
        terms=fingerprint_terms(facts.evolution.terms),
    )
