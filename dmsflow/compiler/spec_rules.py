"""The rules of meaning that a spec must keep, in order. They see one spec, no file and no database."""

from collections.abc import Callable, Iterator

from dmsflow.compiler.rules import (
    checkpoint,
    checks,
    columns,
    connections,
    feed,
    guards,
    history,
    references,
    source,
    sql,
    surrogate,
)
from dmsflow.diagnostics import Diagnostic
from dmsflow.model.spec import PipelineSpec

Rule = Callable[[PipelineSpec], Iterator[Diagnostic]]

SPEC_RULES: tuple[Rule, ...] = (
    source.source_has_one_origin,
    source.source_connection_fits,
    source.source_is_not_the_target,
    source.detection_runs,
    source.executor_runs,
    source.counted_rows_have_an_order,
    source.counted_rows_are_appended,
    source.python_runs_alone,
    connections.connections_are_known,
    connections.databases_are_run,
    connections.secrets_are_references,
    columns.key_is_given,
    columns.key_is_loaded,
    columns.columns_leave_engine_names,
    columns.engine_names_differ,
    columns.column_names_differ,
    columns.names_are_free,
    columns.columns_have_one_origin,
    columns.constants_have_types,
    columns.policies_take_effect,
    columns.type1_has_columns,
    columns.old_names_are_free,
    history.deletes_fit_the_type,
    history.deletes_see_everything,
    history.deletes_have_one_scope,
    history.last_has_an_order,
    history.order_is_used,
    history.history_options_have_history,
    history.validity_is_an_interval,
    history.late_rows_have_a_time,
    history.first_start_leaves_the_time,
    surrogate.surrogate_has_a_column,
    surrogate.uuid_names_one_row,
    surrogate.sequences_are_used,
    surrogate.lookups_have_their_type,
    surrogate.absent_keys_are_known,
    surrogate.member_can_be_told,
    feed.rows_have_an_order,
    feed.operation_has_a_feed,
    feed.operation_is_told,
    feed.deletes_are_told,
    feed.late_rows_have_a_place,
    feed.window_is_asked,
    feed.policies_fit_a_feed,
    checkpoint.key_strategy_has_columns,
    checkpoint.watermark_options_have_a_watermark,
    checkpoint.append_does_not_repeat,
    checkpoint.append_does_not_reread_nulls,
    checkpoint.chunks_keep_keys_whole,
    checkpoint.delays_grow,
    guards.guards_compare_wholes,
    guards.guards_have_an_effect,
    references.references_stand_where_they_may,
    references.references_are_whole,
    references.params_are_declared,
    references.params_are_used,
    references.params_are_bound,
    sql.sql_is_read,
    sql.check_names_differ,
    checks.checks_ask_one_thing,
    checks.rows_have_room,
    checks.checks_see_what_they_ask,
    checks.references_have_pairs,
)


def check_spec(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Every problem that a rule finds. A position without a file counts inside the text at the problem's path."""
    for rule in SPEC_RULES:
        yield from rule(spec)
