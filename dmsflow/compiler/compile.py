"""Spec to plan: survey, rules, cut, build. Opens both databases to read; writes to neither."""

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.checkpoints import plan_checkpoint
from dmsflow.compiler.chunking import Cut, decide_cut
from dmsflow.compiler.columns import LoadedColumn, match_columns
from dmsflow.compiler.evolution.find import differences_are_allowed, evolve, find_differences, settle_policies
from dmsflow.compiler.load import LoadedSpec, place_problem
from dmsflow.compiler.lookup_rules import LOOKUP_RULES
from dmsflow.compiler.remembered import plan_key, recall, refresh, remember
from dmsflow.compiler.surrogates import surrogates_can_be_made
from dmsflow.compiler.survey import read_boundaries, survey, try_checks
from dmsflow.compiler.table_rules import TABLE_RULES
from dmsflow.compiler.target_rules import TARGET_RULES
from dmsflow.compiler.transfers import Route, choose_route
from dmsflow.diagnostics import Diagnostic, has_errors
from dmsflow.engines.access import Access
from dmsflow.errors import SpecRejected
from dmsflow.model.facts import Facts, SourceFacts
from dmsflow.model.plan import Plan, Statement, Transfer
from dmsflow.model.previous import store_names
from dmsflow.model.spec import PipelineSpec


class Compiled(Struct, frozen=True, kw_only=True):
    """A plan, and what the rules had to say that did not stop it."""

    plan: Plan
    facts: Facts
    diagnostics: tuple[Diagnostic, ...] = ()


class Examined(Struct, frozen=True, kw_only=True):
    """A spec that fits its databases: what they are, its columns matched, and problems that do not stop it."""

    spec: PipelineSpec
    facts: Facts
    columns: tuple[LoadedColumn, ...]
    problems: tuple[Diagnostic, ...] = ()


def compile_plan(
    loaded: LoadedSpec,
    access: Access,
    memory: Path | None = None,
    source: SourceFacts | None = None,
    transfer: Transfer | None = None,
) -> Compiled:
    """The plan of a spec against the databases as they are. Raises SpecRejected with every problem.

    ``memory`` is a folder of plans made before, ``source`` what is known of the source; they only save time.
    ``transfer`` is one that is asked for.
    """
    examined = examine(loaded, access, source)
    spec, facts, columns = examined.spec, examined.facts, examined.columns
    cut = decide_cut(spec, facts, columns)
    route = choose_route(spec, facts, columns, cut, transfer)
    plan = _make_plan(spec, facts, columns, access, loaded.digest, memory, cut, route)
    plan = replace(plan, digests=replace(plan.digests, sections=loaded.sections))
    return Compiled(plan=plan, facts=facts, diagnostics=(*loaded.diagnostics, *examined.problems))


def compile_ddl(loaded: LoadedSpec, access: Access) -> tuple[Statement, ...]:
    """The DDL that the plan of a spec would begin with. Raises SpecRejected with every problem."""
    from dmsflow.compiler.assemble import make_builder
    from dmsflow.compiler.ddl import build_ddl
    from dmsflow.compiler.questions import source_sql

    examined = examine(loaded, access)
    spec, facts, columns = examined.spec, examined.facts, examined.columns
    cut, checkpoint = decide_cut(spec, facts, columns), plan_checkpoint(spec, facts)
    sql = source_sql(spec, facts.source, access)
    route = choose_route(spec, facts, columns, cut)
    return build_ddl(make_builder(spec, facts, columns, cut, sql, checkpoint, access.target_idioms, route))


def examine(loaded: LoadedSpec, access: Access, source: SourceFacts | None = None) -> Examined:
    """The spec against the databases as they are. Raises SpecRejected with every problem."""
    spec = access.locate(loaded.raise_if_rejected())
    facts = evolve(spec, survey_placed(loaded, access, source))
    rules = (*TABLE_RULES, *TARGET_RULES, *LOOKUP_RULES, differences_are_allowed)
    problems = tuple(place(loaded, problem) for rule in rules for problem in rule(spec, facts))
    if has_errors(problems):
        raise SpecRejected((*loaded.diagnostics, *problems))
    spec = name_fields(spec, facts)
    columns = settle_policies(match_columns(spec, facts), find_differences(spec, facts))
    unmade = surrogates_can_be_made(spec, facts, columns, access.target_idioms)
    refused = tuple(place(loaded, it) for it in (*unmade, *_try_all_checks(spec, facts, columns, access)))
    if refused:
        raise SpecRejected((*loaded.diagnostics, *problems, *refused))
    return Examined(spec=spec, facts=facts, columns=columns, problems=problems)


def _try_all_checks(
    spec: PipelineSpec, facts: Facts, columns: tuple[LoadedColumn, ...], access: Access
) -> tuple[Diagnostic, ...]:
    """What the databases have against the checks; what they name comes first."""
    if not spec.checks and not spec.scd.within.scopes:
        return ()
    from dmsflow.compiler.check_facts import try_set_checks

    return tuple(try_set_checks(spec, facts, columns, access)) or tuple(try_checks(spec, columns))


def name_fields(spec: PipelineSpec, facts: Facts) -> PipelineSpec:
    """The spec with the engine's own columns named as the target has them, which may differ in case (law 37)."""
    shape, fields = facts.target.shape, spec.scd.fields
    if shape is None:
        return spec
    written = {name: value for name in fields.__struct_fields__ if (value := getattr(fields, name)) is not None}
    stored = {name: found.name for name, value in written.items() if (found := shape.find(value)) is not None}
    columns = store_names(spec.columns, {name.lower(): name for name in shape.names})
    return replace(spec, scd=replace(spec.scd, fields=replace(fields, **stored)), columns=columns)


def survey_placed(loaded: LoadedSpec, access: Access, source: SourceFacts | None = None) -> Facts:
    """What the plan rests on. Raises SpecRejected with every problem tied to its node."""
    try:
        return survey(access.locate(loaded.raise_if_rejected()), access, source)
    except SpecRejected as error:
        raise SpecRejected(tuple(place(loaded, problem) for problem in error.diagnostics)) from error


def _make_plan(
    spec: PipelineSpec,
    facts: Facts,
    columns: tuple[LoadedColumn, ...],
    access: Access,
    spec_digest: str,
    memory: Path | None,
    cut: Cut,
    route: Route,
) -> Plan:
    """The plan from memory, brought up to date, or built anew."""
    checkpoint = plan_checkpoint(spec, facts)
    key = plan_key(spec, spec_digest, facts, cut, checkpoint, route.transfer)
    known = recall(memory, key)
    boundaries = None
    ranged = cut.count > 1 and not cut.counted
    if ranged:
        boundaries = known.find("find_boundaries") if known else None
        if boundaries is None:
            from dmsflow.compiler.questions import ask_boundaries, source_sql

            boundaries = ask_boundaries(spec, source_sql(spec, facts.source, access), cut, checkpoint)
        facts = replace(facts, boundaries=read_boundaries(boundaries, spec, facts, cut, checkpoint, access))
        cut = replace(cut, count=len(facts.boundaries) + 1)
        known = known if cut.count > 1 else None
    if known is not None:
        return refresh(known, spec, spec_digest, facts, cut, checkpoint)
    from dmsflow.compiler.assemble import build_plan, make_builder
    from dmsflow.compiler.questions import source_sql

    sql = source_sql(spec, facts.source, access)
    builder = make_builder(spec, facts, columns, cut, sql, checkpoint, access.target_idioms, route)
    plan = build_plan(builder, boundaries, access.target_idioms.now, spec_digest)
    if not ranged or cut.count > 1:
        remember(memory, key, plan)
    return plan


def place(loaded: LoadedSpec, problem: Diagnostic) -> Diagnostic:
    """Tie a problem to its node in the spec."""
    return place_problem(problem, loaded.document, loaded.connections_document)
