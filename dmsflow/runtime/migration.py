"""Takes the steps of a plan by which a target follows its spec, each whole or not at all. Decides none of them."""

import logging
from functools import partial

from dmsflow.engines.engine import Session, transaction
from dmsflow.events import log_event
from dmsflow.model.evolution import Change
from dmsflow.model.plan import MigrationStep, Plan
from dmsflow.model.table import TableShape
from dmsflow.runtime.persist import Persistence

logger = logging.getLogger("dmsflow.runtime")


def take_steps(plan: Plan, session: Session, persistence: Persistence) -> None:
    """Every step, in order, with the lease held; one that an earlier try has taken is passed over."""
    for step in plan.migration:
        if step.aside or step.statements:
            persistence.call(partial(_take, plan, session, step))


def changes_table(plan: Plan) -> bool:
    """Whether a step has statements."""
    return any(step.aside or step.statements for step in plan.migration)


def free_columns(plan: Plan, session: Session) -> None:
    """Set aside what keeps a database from trying a step: an index that this plan, or any other one, makes again."""
    for step in plan.migration if not session.traits.frees_columns else ():
        for statement in step.aside:
            session.execute(statement.sql)


def try_steps(plan: Plan, session: Session) -> None:
    """Every step in the open transaction, which is undone: what it would be like to have taken them."""
    for step in plan.migration:
        if is_taken(step, session.describe_table(plan.target.table)):
            continue
        for statement in (*(step.aside if session.traits.frees_columns else ()), *step.statements):
            session.execute(statement.sql)


def _take(plan: Plan, session: Session, step: MigrationStep) -> None:
    if is_taken(step, session.describe_table(plan.target.table)):
        return
    log_event(logger, logging.INFO, "migration step", change=step.change.value, what=step.what)
    for statement in step.aside:
        session.execute(statement.sql)
    if session.traits.ddl_commits:
        _execute(session, step)
        return
    with transaction(session):
        _execute(session, step)


def _execute(session: Session, step: MigrationStep) -> None:
    for statement in step.statements:
        session.execute(statement.sql)


def is_taken(step: MigrationStep, shape: TableShape | None) -> bool:
    """Whether the table shows that a step was taken; one that may be taken again never does."""
    if shape is None or step.column is None:
        return False
    there = step.column in shape.names
    match step.change:
        case Change.ADD:
            return there
        case Change.DROP:
            return not there
        case Change.RENAME:
            return there and step.before not in shape.names
    return False
