"""A run that is undone on a server whose DDL cannot be: what it would make has to stand already. Makes nothing.

Only the catalog is asked. The temporary tables are the exception: a session has its own, and they are made before the
transaction begins.
"""

from collections.abc import Iterator
from contextlib import closing

from msgspec.structs import replace

from dmsflow.compiler.uniqueness import names_current
from dmsflow.engines.access import Access
from dmsflow.engines.engine import Session
from dmsflow.engines.undoing import StandingIdioms
from dmsflow.errors import PlanRefused
from dmsflow.marks.names import CHUNK, FINGERPRINT, GONE_PREFIX, REWRITTEN
from dmsflow.model.plan import DEFINE, DISCARD, Plan, Statement
from dmsflow.model.table import TableName
from dmsflow.runtime.apply import MARK_DDL
from dmsflow.runtime.migration import is_taken

CREATE, TARGET, GONE, INDEX = "create_", "create_target", "create_gone", "create_unique_index"


def expect_standing(plan: Plan, access: Access, *, resumed: bool) -> None:
    """Raise PlanRefused where the run would make or change something; ``resumed``: its target stands since it began."""
    with closing(access.open_target()) as session:
        needed = [*_missing(plan, access, session, resumed=resumed), *_changes(plan, session, resumed=resumed)]
    if needed:
        raise PlanRefused(
            f'DMS413 effects-need-ddl: the database of connection "{plan.target.connection}" '
            f"({access.target.traits.name}) commits what DDL does, and this run would first make or change "
            f"{', '.join(needed)}: apply once, and effects can be counted from then on; dry-run --sample shows those "
            "of rows of the real source before"
        )


def _missing(plan: Plan, access: Access, session: Session, *, resumed: bool) -> Iterator[str]:
    """What the DDL of the plan makes and is not there, in words."""
    for statement in plan.ddl:
        if resumed and not statement.name.startswith(MARK_DDL):
            continue
        table = _table_of(plan, statement)
        if table is not None:
            if session.describe_table(table) is None:
                yield f"table {table}"
        elif statement.name != INDEX:
            yield statement.name.removeprefix(CREATE).replace("_", " ")
        elif not _has_index(plan, access, session):
            yield f"unique index {names_current(plan.target.table)}"


def _table_of(plan: Plan, statement: Statement) -> TableName | None:
    """The table that a statement makes."""
    target, name = plan.target.table, statement.name
    if name == TARGET:
        return target
    if name == GONE:
        return replace(target, table=GONE_PREFIX + target.table)
    return replace(target, table=name.removeprefix(CREATE)) if name.startswith(f"{CREATE}dmsflow_") else None


def _has_index(plan: Plan, access: Access, session: Session) -> bool:
    idioms = access.target_idioms
    if not isinstance(idioms, StandingIdioms):
        return False
    found = session.fetch(idioms.find_index(names_current(plan.target.table), plan.target.table))
    return int(str(found[0][0])) > 0


def _changes(plan: Plan, session: Session, *, resumed: bool) -> Iterator[str]:
    """The steps by which tables that are there would follow the plan, in words."""
    marks = session.describe_table(replace(plan.target.table, table=CHUNK))
    for column in (FINGERPRINT, REWRITTEN):
        if marks is not None and plan.find(f"add_{column}") and marks.find(column) is None:
            yield f"column {column} of {CHUNK}"
    if resumed:
        return
    shape = session.describe_table(plan.target.table)
    for step in plan.migration:
        if (step.aside or step.statements) and not is_taken(step, shape):
            yield step.what


def make_before(plan: Plan) -> tuple[str, ...]:
    """The statements that make the temporary tables of the plan, once."""
    return tuple(it.sql for it in plan.statements if it.name == DISCARD or it.name.startswith(DEFINE))


def keep_standing(plan: Plan, access: Access) -> Plan:
    """The plan over what stands: it makes nothing, and empties its temporary tables where it would make them anew."""
    quote = access.target_idioms.quote

    def keep(statement: Statement) -> Statement:
        if not statement.name.startswith(DEFINE):
            return statement
        return replace(statement, sql=f"DELETE FROM {quote(statement.name.removeprefix(DEFINE))}")

    kept = tuple(keep(statement) for statement in plan.statements if statement.name != DISCARD)
    return replace(plan, ddl=(), statements=kept)
