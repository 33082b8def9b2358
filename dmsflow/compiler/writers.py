"""Who may still commit rows that sort before the end of this run's read, and what that means for it (law 17)."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from dmsflow.compiler.rules.sql import DIALECTS
from dmsflow.compiler.user_sql import table_names
from dmsflow.engines.engine import Session, WritersIdioms
from dmsflow.model.facts import Writers
from dmsflow.model.plan import Decision, Side, Statement
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import Column

if TYPE_CHECKING:
    from dmsflow.compiler.source_sql import SourceSql

WHYS = {
    Writers.PASSED: "the read ends below the start of the oldest transaction that is open, so that it misses none of "
    "its rows",
    Writers.AWAITED: "an open transaction may commit rows below the end of this read: the run waits for those that "
    "have written; checkpoint.settle ends the read earlier instead",
    Writers.UNSEEN: "this database does not tell who may still commit rows below the end of this read, which would "
    "be missed: checkpoint.settle leaves the youngest rows to the next run",
}


class Sight(Struct, frozen=True, kw_only=True):
    """``before``: rows from there on may have older ones to come. ``hidden``: some transactions tell no start."""

    before: date | datetime | None
    hidden: bool


def look_at_writers(sql: "SourceSql", session: Session, first: Column) -> Sight | None:
    """What the source tells of open transactions; None where it tells nothing.

    It has to be asked after the greatest value was read: whoever begins later writes greater ones.
    """
    if not isinstance(sql.idioms, WritersIdioms):
        return None
    before, hidden, blind = session.fetch(sql.idioms.open_since(first.type.family))[0]
    assert before is None or isinstance(before, date)
    return None if blind else Sight(before=before, hidden=bool(hidden))


def choose(sight: Sight | None) -> Writers:
    """What the run does about them: it ends below those whose start it knows, and waits for the others."""
    if sight is None:
        return Writers.UNSEEN
    return Writers.AWAITED if sight.hidden else Writers.PASSED


def writers_statement(spec: PipelineSpec, sql: "SourceSql") -> Statement:
    """The question who they are."""
    assert isinstance(sql.idioms, WritersIdioms)
    table, query = spec.source.table, spec.source.query
    names = [sql.idioms.qualify(table)] if table else table_names(query or "", DIALECTS[sql.facts.engine])
    return Statement(name="find_writers", side=Side.SOURCE, sql=sql.idioms.find_writers(names))


def writers_choices(writers: Writers | None) -> Iterator[Decision]:
    """What is said of them."""
    if writers is not None:
        yield Decision(about="writers", choice=writers, why=WHYS[writers])
