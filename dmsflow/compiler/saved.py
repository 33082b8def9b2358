"""A plan in a file: written, read, and compared with what is there now. Runs nothing."""

import hashlib
from pathlib import Path

import msgspec
from msgspec.structs import replace

from dmsflow.compiler.compile import survey_placed
from dmsflow.compiler.load import LoadedSpec
from dmsflow.compiler.remembered import digest_facts
from dmsflow.engines.access import Access
from dmsflow.errors import PlanRefused
from dmsflow.model.plan import Plan, decode_plan, encode_plan
from dmsflow.model.result import ExpectedRows

WHAT_CHANGED = {
    "spec": ("DMS401 spec-changed", "the spec has changed{}"),
    "target": ("DMS402 target-changed", "the target table has changed its shape"),
    "checkpoint": ("DMS403 checkpoint-moved", "the checkpoint has moved"),
    "terms": ("DMS402 target-changed", "the target was loaded on other terms (dmsflow_terms)"),
}


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file: a plan, what it expects, and a digest of both that an edited file no longer has."""

    digest: str
    plan: msgspec.Raw
    expected: ExpectedRows | None = None


class SavedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan from a file, and what it expects of its run where that was counted; its own digest knows no rows."""

    plan: Plan
    expected: ExpectedRows | None = None


def write_plan(plan: Plan, path: Path, expected: ExpectedRows | None = None) -> None:
    """Write a plan to a file. Raises PlanRefused where no file can be."""
    body = encode_plan(plan)
    envelope = msgspec.json.encode(Envelope(_digest(body, expected), msgspec.Raw(body), expected))
    try:
        path.write_bytes(msgspec.json.format(envelope, indent=1))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise PlanRefused(f'"{path}" cannot be written: {reason}: name another file') from error


def read_plan(path: Path) -> SavedPlan:
    """Read a plan from a file. Raises PlanRefused when it is none, was edited, or is of another version."""
    try:
        envelope = msgspec.json.decode(path.read_bytes(), type=Envelope)
        plan = decode_plan(bytes(envelope.plan))
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise PlanRefused(f'"{path}" is not a plan that this dmsflow can read: {error}') from error
    if _digest(encode_plan(plan), envelope.expected) != envelope.digest:
        raise PlanRefused(f'DMS404 plan-edited: "{path}" was edited after it was made: plan again')
    return SavedPlan(plan=plan, expected=envelope.expected)


def check_plan(plan: Plan, loaded: LoadedSpec, access: Access) -> None:
    """Refuse a plan whose spec, target or checkpoint is another one now (DMS401 to DMS403).

    Raises SpecRejected where the source no longer answers to the spec.
    """
    facts = survey_placed(loaded, access)
    now = digest_facts(loaded.digest, facts)
    if plan.fits_terms(facts.evolution.terms):
        now = replace(now, terms=plan.digests.terms)
    changed = [what for name, what in WHAT_CHANGED.items() if getattr(now, name) != getattr(plan.digests, name)]
    if changed:
        codes, words = zip(*changed, strict=True)
        told = " and ".join(words).format(plan.digests.name_changes(loaded.sections))
        raise PlanRefused(f"{', '.join(codes)}: {told} since the plan was made: plan again")


def _digest(body: bytes, expected: ExpectedRows | None) -> str:
    counted = msgspec.json.encode(expected) if expected else b""
    return hashlib.sha256(body + counted).hexdigest()
