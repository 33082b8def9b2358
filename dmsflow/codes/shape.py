"""DMS1xx: the file has not the shape of a spec."""

from dmsflow.codes.entry import Entry

SHAPE: tuple[Entry, ...] = (
    Entry(
        code="DMS101",
        slug="unknown-key",
        why="A key that nothing reads looks as if it did something.",
        mistake="scd: {type: 2, delets: close}",
        cure="Correct the spelling, or remove the key.",
    ),
    Entry(
        code="DMS102",
        slug="missing-key",
        why="A load needs at least version, pipeline, source, target and scd.",
        mistake="target: {connection: dwh}",
        cure="Add the key.",
    ),
    Entry(
        code="DMS103",
        slug="wrong-type",
        why="A number is not text, a list is not a mapping; nothing is converted in silence.",
        mistake="key: customer_id",
        cure="Write the kind of value that the message names.",
    ),
    Entry(
        code="DMS104",
        slug="unknown-choice",
        why="The value is none of those that this key knows.",
        mistake="target: {kind: dimensoin}",
        cure="Write one of the listed values.",
    ),
    Entry(
        code="DMS105",
        slug="out-of-range",
        why="The number is outside of what can be run.",
        mistake="parallel: {workers: 0}",
        cure="Write a number in the range that the message names.",
    ),
    Entry(
        code="DMS106",
        slug="bad-name",
        why=(
            "Pipelines, parameters and connections are named in commands and file names, so plain names keep "
            "them typable."
        ),
        mistake="pipeline: Dim-Customer",
        cure="Write letters, digits and _.",
    ),
    Entry(
        code="DMS107",
        slug="bad-duration",
        why="A bare number could be seconds or minutes. Durations have units.",
        mistake="settle: 10",
        cure="Write 10s, 10m or 1h30m.",
    ),
    Entry(
        code="DMS108",
        slug="bad-type",
        why="Types are written as in ANSI SQL and mean the same in every database.",
        mistake="type: varchar2(10)",
        cure=(
            "Write one of smallint, integer, bigint, decimal(p,s), real, double, boolean, varchar(n), text, "
            "date, timestamp, timestamptz, bytes, uuid, json."
        ),
    ),
    Entry(
        code="DMS109",
        slug="bad-timestamp",
        why="Only one way to write a date is read the same everywhere.",
        mistake="open_end: 31.12.9999",
        cure="Write YYYY-MM-DD, or YYYY-MM-DD hh:mm:ss.",
    ),
    Entry(
        code="DMS110",
        slug="bad-table-name",
        why="A dot separates catalog, schema and table; a name with dots or spaces needs double quotes.",
        mistake="table: my orders",
        cure="Write schema.table, and double quotes around an unusual part.",
    ),
    Entry(
        code="DMS111",
        slug="bad-constant",
        why="The value cannot be what its type says.",
        mistake="since: {type: date, default: yesterday}",
        cure="Write a value of the type.",
    ),
    Entry(
        code="DMS113",
        slug="repeated-entry",
        why="A name that stands twice in a list is most often another name, mistyped.",
        mistake="key: [order_id, order_id]",
        cure="Remove one of the two.",
    ),
    Entry(
        code="DMS114",
        slug="empty-section",
        why="A key with nothing in it leaves open what was meant.",
        mistake="key: []",
        cure="Remove the key, or give it an entry.",
    ),
    Entry(
        code="DMS115",
        slug="target-given-late",
        why=(
            "A step of a spec test finds the target as the step before has left it; rows that come from nowhere would "
            "hide what that was."
        ),
        mistake="tests: [{name: a change, steps: [{...}, {given: {target: [{customer_id: 1}]}, expect: {}}]}]",
        cure="Give the rows of the target in the first step, or make another test of it.",
    ),
)
