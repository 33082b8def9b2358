"""DMS370 to DMS376: a table that is loaded already differs from the spec, and may not follow it."""

from dmsflow.codes.entry import Entry

EVOLUTION_OF_TABLES: tuple[Entry, ...] = (
    Entry(
        code="DMS370",
        slug="rename-refused",
        why=(
            "A column is renamed where the table has its old name alone. Where it has both, neither can be told to "
            "hold the right values; and evolve: {rename: refuse} leaves it to a person."
        ),
        mistake="columns: {customer_no: {was: client_no}}   # the table has both",
        cure="Remove was, or merge the two columns by hand and drop one.",
    ),
    Entry(
        code="DMS371",
        slug="column-left-out",
        why="The spec leaves out a column that runs have loaded, and evolve: {drop: refuse} asks to be told.",
        mistake="columns without email, which the last run loaded",
        cure="Load it again, or write drop: keep, or drop: apply, which drops it with its values.",
    ),
    Entry(
        code="DMS372",
        slug="type-loses",
        why=(
            "evolve: {retype: widen} gives a column a type that holds every value as it was. A narrower one would lose "
            "some; one that shows what was cut off before would make a change of every row; and not every database "
            "can change a type."
        ),
        mistake="qty: {type: smallint}   # the table has integer, and 40000 in it",
        cure="Write the type of the table, or load the new type into a column of another name.",
    ),
    Entry(
        code="DMS373",
        slug="open-end-differs",
        why=(
            "Whoever looks for current versions by their end finds those with the old one, or those with the new one, "
            "never both."
        ),
        mistake="open_end: null   # the table's current versions end at 9999-12-31",
        cure="Restore open_end, or write target.evolve: {open_end: apply}: one UPDATE corrects the current versions.",
    ),
    Entry(
        code="DMS374",
        slug="column-followed-late",
        why=(
            "A column with scd: 0 or ignore, or one that the last run left out, holds old values. Followed from now "
            "on, each of these would be a change that nobody made, and with scd: 2 a version."
        ),
        mistake="note: {scd: 2}   # it was ignore in the last run",
        cure=(
            "Restore the policy, or write target.evolve: {policy: apply}: a run that reads everything overwrites the "
            "current values, and from the next one on a change counts."
        ),
    ),
    Entry(
        code="DMS375",
        slug="key-differs",
        why=(
            "Rows are found again by the key. By another one a row may be found in the place of several, or be taken "
            "for a new one; where the new key repeats, the load would break at the first of them."
        ),
        mistake="key: [email]   # the last run had customer_id",
        cure=(
            "Restore the key, or write target.evolve: {key: apply}: it is taken where it is unique among the current "
            "versions."
        ),
    ),
    Entry(
        code="DMS376",
        slug="scd-type-differs",
        why=(
            "A table of versions, one with one row of each key, and one to which rows are appended are filled by "
            "different rules: type 1 would overwrite every version of a history, and type 2 find no current version "
            "in rows that have none."
        ),
        mistake="scd: 1   # the table was loaded as type 2",
        cure="Restore the type, or load into a new table. From 0 to 1, and back, is a step of the plan.",
    ),
)
