"""DMS20x to DMS22x: sources, connections, columns and history that contradict each other."""

from dmsflow.codes.entry import Entry

MEANING_OF_ROWS: tuple[Entry, ...] = (
    Entry(
        code="DMS201",
        slug="source-origin",
        why="Rows come from one place: a table, a query or files.",
        mistake="source: {connection: crm, table: a, query: select 1}",
        cure="Keep exactly one of table, query, file.",
    ),
    Entry(
        code="DMS202",
        slug="source-connection",
        why="A table or a query is read through a connection; a file is read by DuckDB, without one.",
        mistake="source: {connection: crm, file: a.csv}",
        cure="Add the connection, or remove it for a file.",
    ),
    Entry(
        code="DMS203",
        slug="unknown-connection",
        why="A connection is declared in the spec, or in the nearest connections.yaml beside or above it.",
        mistake="target: {connection: dhw, table: t}",
        cure="Correct the name, or declare the connection.",
    ),
    Entry(
        code="DMS204",
        slug="literal-secret",
        why="A password in a file is read by everyone who reads the file, now and in its history.",
        mistake="dwh: {url: ..., password: hunter2}",
        cure="Write a reference such as ${env:DWH_PASSWORD}, and change the password.",
    ),
    Entry(
        code="DMS206",
        slug="unknown-database",
        why="The url starts with the name of a database that nothing here knows.",
        mistake="dwh: postgres://db/x",
        cure="Correct the name: the word before :// is the database, such as duckdb or postgresql.",
    ),
    Entry(
        code="DMS207",
        slug="unproven-database",
        why="The database has a SQLAlchemy dialect and no tests here.",
        mistake="dwh: mysql://db/x",
        cure="Compare source and target after the first loads.",
    ),
    Entry(
        code="DMS208",
        slug="url-without-database",
        why="A url starts with the name of its database.",
        mistake="dwh: warehouse.duckdb",
        cure="Write duckdb:///warehouse.duckdb.",
    ),
    Entry(
        code="DMS210",
        slug="no-key",
        why="Types 0, 1 and 2 find a row again by its business key.",
        mistake="scd: 2   # and no key",
        cure="Add key with the target columns that identify a row.",
    ),
    Entry(
        code="DMS211",
        slug="key-not-loaded",
        why="A key column is one of the target's columns, written the same way.",
        mistake="key: [id]\ncolumns: {customer_id: cust_id}",
        cure="Add the column, or correct the key.",
    ),
    Entry(
        code="DMS212",
        slug="engine-name-taken",
        why="The engine keeps its own columns in the target, and a name belongs to one column.",
        mistake="columns: {valid_from: start}",
        cure="Rename the column, or give the engine's column another name in scd.fields.",
    ),
    Entry(
        code="DMS213",
        slug="engine-names-clash",
        why="Two of the engine's own columns cannot share a name.",
        mistake="fields: {valid_from: d, valid_to: d}",
        cure="Give one of them another name.",
    ),
    Entry(
        code="DMS214",
        slug="names-differ-in-case",
        why="Most databases take names that differ in case alone for one name.",
        mistake="columns: {Name: a, name: b}",
        cure="Rename one of the two.",
    ),
    Entry(
        code="DMS215",
        slug="several-origins",
        why="A column takes its value from one place.",
        mistake="name: {from: a, expr: upper(b)}",
        cure="Keep one of from, expr, value.",
    ),
    Entry(
        code="DMS216",
        slug="untyped-null",
        why="A null says nothing about its type, and a column needs one.",
        mistake="note: {value: null}",
        cure="Add a type.",
    ),
    Entry(
        code="DMS217",
        slug="policy-without-effect",
        why="A policy that nothing looks at suggests a history that is not kept.",
        mistake="scd: 1\ncolumns: {name: {scd: 2}}",
        cure="Remove the policy, or change the table's type.",
    ),
    Entry(
        code="DMS280",
        slug="old-name-taken",
        why=(
            "A column that is renamed leaves its old name to nobody. If another column took it, the next run would "
            "find both names, and could not tell a table that was renamed from one that was not."
        ),
        mistake="columns: {a: {was: b}, b: {}}",
        cure="Remove was, or give the other column a name that is new.",
    ),
    Entry(
        code="DMS218",
        slug="pipeline-twice",
        why=(
            "Checkpoints and runs are kept under the pipeline's name; two specs of one name would continue each other."
        ),
        mistake="two files of one folder with pipeline: orders",
        cure="Rename one of the two.",
    ),
    Entry(
        code="DMS219",
        slug="reserved-name",
        why="Names that start with _dms_ belong to the staging tables, and rowid names a row in an embedded database.",
        mistake="columns: {_dms_class: a}",
        cure="Rename the column.",
    ),
    Entry(
        code="DMS220",
        slug="deletes-misfit",
        why=(
            "What can be done with a missing key depends on what the target keeps: versions can be closed, "
            "plain rows deleted or flagged."
        ),
        mistake="scd: {type: 1, deletes: close}",
        cure="Write one of the listed values.",
    ),
    Entry(
        code="DMS221",
        slug="deletes-need-everything",
        why=(
            "A read that starts at a watermark cannot tell a deleted key from one that did not change; it "
            "would close nearly every key."
        ),
        mistake="scd: {type: 2, deletes: close}\ncheckpoint: {columns: [updated_at]}",
        cure="Write checkpoint: none, or deletes: ignore.",
    ),
    Entry(
        code="DMS222",
        slug="last-without-order",
        why="The last of several rows is the last by something; without an order it would be an arbitrary one.",
        mistake="scd: {type: 2, duplicates: last}",
        cure="Add order_by.",
    ),
    Entry(
        code="DMS223",
        slug="order-without-use",
        why=(
            "An order that nothing asks for suggests that the last row wins, while different rows of one key "
            "are rejected."
        ),
        mistake="scd: {type: 2, order_by: [updated_at]}",
        cure="Write duplicates: last, or remove order_by.",
    ),
    Entry(
        code="DMS224",
        slug="history-without-type-2",
        why="Only type 2 keeps versions with a start and an end.",
        mistake="scd: {type: 1, effective_at: changed_on}",
        cure="Remove the key, or write type: 2.",
    ),
    Entry(
        code="DMS225",
        slug="empty-validity",
        why="A version's end comes after its start.",
        mistake="first_valid_from: 2000-01-01\nopen_end: 1999-12-31",
        cure="Write a later open_end.",
    ),
    Entry(
        code="DMS226",
        slug="nothing-is-late",
        why="With the run's own instant as the business time no row is ever older than a version.",
        mistake="scd: {type: 2, late: correct_current}",
        cure="Write effective_at with the source column of the business time.",
    ),
    Entry(
        code="DMS227",
        slug="first-start-hides-time",
        why=(
            "A key's first version that starts at a literal no longer holds its own business time, so whether the "
            "key's next row is late could not be told from the table."
        ),
        mistake="scd: {type: 2, effective_at: changed_on, first_valid_from: 1900-01-01}",
        cure="Keep one of the two.",
    ),
    Entry(
        code="DMS228",
        slug="source-is-target",
        why="A table that is loaded into itself changes with every run, and while it is read.",
        mistake="source: {connection: dwh, table: customers}, target: {connection: dwh, table: customers}",
        cure="Load into another table.",
    ),
)
