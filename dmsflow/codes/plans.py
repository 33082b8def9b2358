"""DMS4xx: a plan, or a broken run, no longer fits what is there now."""

from dmsflow.codes.entry import Entry

PLANS: tuple[Entry, ...] = (
    Entry(
        code="DMS401",
        slug="spec-changed",
        why="A saved plan is the spec as it was reviewed; run with another spec it would not do what the spec says.",
        mistake="dmsflow plan orders.yaml --out plan.json, an edit of orders.yaml, dmsflow apply plan.json",
        cure="Plan again.",
    ),
    Entry(
        code="DMS402",
        slug="target-changed",
        why="A plan holds SQL for the target's columns and types as they were, and for the terms of its last run.",
        mistake="an ALTER TABLE, or a first load, between plan and apply, or by another terminal at the same moment",
        cure="Plan again.",
    ),
    Entry(
        code="DMS403",
        slug="checkpoint-moved",
        why="Another run has read on since the plan was made; this one would read the same rows a second time.",
        mistake="two applies of one saved plan that keeps a checkpoint",
        cure="Plan again.",
    ),
    Entry(
        code="DMS404",
        slug="plan-edited",
        why="A plan carries SQL; one that was changed by hand is no longer what was compiled and reviewed.",
        mistake="an editor that reformats plan.json",
        cure="Plan again, and change the spec instead of the plan.",
    ),
    Entry(
        code="DMS405",
        slug="broken-run-of-another-spec",
        why=(
            "Some chunks of a broken run are loaded; the rest must be cut and read in the same way, which only the "
            "spec of that run can tell."
        ),
        mistake="a run that failed at chunk 7 of 12, an edit of the spec, dmsflow apply",
        cure="Restore the spec and apply to finish the run, or forget it with --restart.",
    ),
    Entry(
        code="DMS406",
        slug="broken-run-of-another-target",
        why=(
            "The marks say that some chunks of a broken run are loaded; a table that was dropped or altered since may "
            "have lost them, and resuming would never load them again."
        ),
        mistake="a run that failed at chunk 7 of 12, DROP TABLE orders, dmsflow apply",
        cure="Restore the table and apply to finish the run, or forget it with --restart.",
    ),
    Entry(
        code="DMS407",
        slug="append-broken-off",
        why=(
            "Type append has no key to know a row by: a new run would insert the rows of a broken run's committed "
            "chunks once more. The marks in the target tell that the run never ended, also when the ledger is lost."
        ),
        mistake="a run that failed at chunk 7 of 12, then dmsflow apply --restart, or with another ledger",
        cure=(
            "Apply without --restart and with the ledger that recorded the run. Where that is lost, delete the rows "
            "that the run inserted (inserted_at is its instant) and its rows in dmsflow_chunk, then apply."
        ),
    ),
    Entry(
        code="DMS408",
        slug="open-writers",
        why=(
            "A watermark says that everything below it is loaded. A transaction that has drawn a number and is still "
            "open commits its rows below that, where no later run looks. A run waits a minute for those that have "
            "written into the source."
        ),
        mistake="checkpoint: {columns: [order_id]}, and somebody's transaction that has been open since yesterday",
        cure=(
            "End the session that the message names, or apply again when it is done. Where rows of PostgreSQL have a "
            "time, name that first in checkpoint.columns: then the read ends below what is open, and nothing is waited "
            "for. Or set checkpoint.settle."
        ),
    ),
    Entry(
        code="DMS409",
        slug="counted-rows-changed",
        why=(
            "With strategy python a broken run goes on behind as many rows as it has loaded. Where the source now "
            "gives other rows in those places, going on would repeat some rows and lose others. What the rows of a "
            "chunk add up to is kept in its mark, and compared before anything is loaded."
        ),
        mistake="a run that failed at chunk 7 of 12, a file that was written anew, dmsflow apply",
        cure=(
            "Restore the source and apply to finish the run. Or delete the rows that the run inserted (inserted_at is "
            "its instant) and its rows in dmsflow_chunk, then apply."
        ),
    ),
    Entry(
        code="DMS410",
        slug="effects-differ",
        why=(
            "A plan that was saved with --effects says how many rows of each kind its run will write. The run has "
            "written others: what was reviewed is not what was loaded. A warning; the rows are in."
        ),
        mistake="dmsflow plan orders.yaml --effects --out plan.json, new rows in the source, dmsflow apply plan.json",
        cure="Look at what was loaded. Keep the time between plan and apply short where the source keeps changing.",
    ),
    Entry(
        code="DMS411",
        slug="effects-not-undone",
        why=(
            "Effects are counted by a run that is undone. A server must undo all of it, in one transaction with "
            "savepoints."
        ),
        mistake="plan --effects of a target whose database has no savepoints",
        cure="Plan without --effects; dry-run shows effects on a sample.",
    ),
    Entry(
        code="DMS412",
        slug="effects-not-allowed",
        why=(
            "Effects are counted by doing what a run does, and undoing it: no other way finds the rows that the target "
            "refuses. Whoever asks for them needs the permissions of apply."
        ),
        mistake="plan --effects as a user that may only read the target",
        cure="Plan as the user that applies, or without --effects; dry-run --sample needs to read alone.",
    ),
    Entry(
        code="DMS413",
        slug="effects-need-ddl",
        why=(
            "Oracle commits the open transaction with every DDL statement, and with it all that a run that is to be "
            "undone has done. Effects are counted there where nothing has to be made or changed: the target, the "
            "tables of dmsflow beside it and a unique index stand, and the table needs no step to follow its spec. "
            "Nothing was done but to ask the catalog."
        ),
        mistake="plan --effects before the first apply into Oracle, or with a column that is new in the spec",
        cure="Apply once; effects can be counted from then on. Before that, dry-run --sample shows some of them.",
    ),
    Entry(
        code="DMS420",
        slug="table-has-to-follow",
        why=(
            "A spec that renames, retypes or drops columns is verified against the table as it will be: before the "
            "next run has changed it, there is nothing to compare."
        ),
        mistake="columns: {customer_no: {was: client_no}}, then verify before apply",
        cure="Apply first, or verify with the spec that loaded the table.",
    ),
)
