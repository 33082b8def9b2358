"""DMS27x: guards, checks and deletes, by which a load is trusted."""

from dmsflow.codes.entry import Entry

MEANING_OF_TRUST: tuple[Entry, ...] = (
    Entry(
        code="DMS270",
        slug="guard-compares-parts",
        why="A run with a watermark reads what is new since the last one; how much that was says nothing of today.",
        mistake="guards: {max_shrink_percent: 20} with a checkpoint",
        cure="Write min_rows, or checkpoint: none.",
    ),
    Entry(
        code="DMS271",
        slug="guard-without-effect",
        why="A guard that can never refuse leads a reader to think that it protects something.",
        mistake="guards: {max_change_percent: 10} with scd: append",
        cure="Remove the guard, or write the type that changes rows.",
    ),
    Entry(
        code="DMS272",
        slug="check-asks-one-thing",
        why="A check is told by its name: what failed has to be plain from that.",
        mistake="checks: [{name: good, unique: [email], not_null: [email]}]",
        cure="Write one check for each.",
    ),
    Entry(
        code="DMS273",
        slug="check-of-a-set",
        why="One row cannot tell whether a set is unique, fresh, large enough, or refers to rows of another table.",
        mistake="checks: [{name: one_email, unique: [email]}]",
        cure="Add on: staged, or on: result.",
    ),
    Entry(
        code="DMS274",
        slug="references-in-pairs",
        why="Columns are compared with the key of another table one by one.",
        mistake="references: {columns: [country, region], table: dim_region, key: [code]}",
        cure="Name as many columns as the key has.",
    ),
    Entry(
        code="DMS275",
        slug="check-sees-no-set",
        why="A predicate of one row has no value for a set; some databases would take any of its rows.",
        mistake='checks: [{name: positive, on: result, expr: "amount > 0"}]',
        cure='Write an aggregate, such as "min(amount) > 0", or remove on:.',
    ),
    Entry(
        code="DMS276",
        slug="scope-of-deletes",
        why="A key is gone where it is absent from one part of the target, or where a column says so.",
        mistake="deletes: {mode: close, scope: {column: deleted}}",
        cure="Write one of where, partition, or column with values, and a mode.",
    ),
    Entry(
        code="DMS277",
        slug="check-never-holds",
        why="No set has at least so many rows and at most fewer: the check would fail every run.",
        mistake="checks: [{name: enough, on: staged, rows: {min: 1000, max: 100}}]",
        cure="Exchange the two numbers, or correct one of them.",
    ),
)
