"""DMS3xx: the tables are not as the spec says."""

from dmsflow.codes.entry import Entry

TABLES: tuple[Entry, ...] = (
    Entry(
        code="DMS301",
        slug="unknown-column",
        why="A column that the source does not have would be loaded as NULL, or stop the load at night.",
        mistake="columns: {name: nmae}   # the source has name",
        cure="Correct the name; the message lists what the source has.",
    ),
    Entry(
        code="DMS302",
        slug="source-names-clash",
        why=(
            "Without a list of columns the source's names become the target's; two that differ in case alone, or one "
            "that is the engine's own, would overwrite each other."
        ),
        mistake="a source column valid_from, a target of type 2, and no columns",
        cure="List the columns and rename one, or rename the engine's column under scd.fields.",
    ),
    Entry(
        code="DMS303",
        slug="unsupported-type",
        why="A list, a struct, an interval or a time of day has no exact form that every database shares.",
        mistake="a source column of type INTEGER[]",
        cure='Turn it into a supported type: {expr: "cast(tags as varchar)", type: text}.',
    ),
    Entry(
        code="DMS304",
        slug="narrowing-cast",
        why=(
            "A value that has no place in its target type becomes a reject, or loses digits or its time of day; better "
            "to know beforehand which columns can have one."
        ),
        mistake="amount: {type: integer}   # the source has bigint",
        cure="Write a type that holds every value of the source, or leave the warning when that is wanted.",
    ),
    Entry(
        code="DMS305",
        slug="unknown-table",
        why="The source has no table or view of that name, or its user may not see it.",
        mistake="source: {connection: crm, table: crm.custmers}",
        cure="Correct schema and name, or let the user read the table.",
    ),
    Entry(
        code="DMS306",
        slug="sql-refused",
        why="The source itself refuses the SQL, most often for a name that it does not know.",
        mistake="where: activ = 'Y'   # the column is active",
        cure="Correct the SQL; the message holds the database's own words.",
    ),
    Entry(
        code="DMS307",
        slug="no-target",
        why="With create: false a missing table is a mistake, not an invitation.",
        mistake="target: {connection: dwh, table: dim_custmer, create: false}",
        cure="Correct the name, create the table first, or write create: true.",
    ),
    Entry(
        code="DMS308",
        slug="column-not-in-target",
        why=(
            "A load changes a table only when the spec says so; and a key cannot be added to rows that are there "
            "already."
        ),
        mistake="columns: {email: mail}   # the table has no email, and evolve is refuse",
        cure="Write target.evolve: add, or correct the name; a column that was called otherwise says so with was.",
    ),
    Entry(
        code="DMS309",
        slug="type-differs",
        why="A type that differs from the table's is a change of the table, made only where the spec asks for it.",
        mistake="amount: {type: bigint}   # the table has decimal(18,2)",
        cure="Write the table's type, change the table first, or write evolve: {retype: widen} for a wider one.",
    ),
    Entry(
        code="DMS310",
        slug="unfilled-column",
        why="A NOT NULL column that the spec does not fill would refuse every row.",
        mistake="a target column region NOT NULL that is not among the columns",
        cure="Add it to columns, or drop the constraint.",
    ),
    Entry(
        code="DMS311",
        slug="engine-column-missing",
        why="The engine's own columns are part of a table's design: added to rows already there, they would be empty.",
        mistake="scd: 2 into a table without valid_from",
        cure="Name the table's own columns under scd.fields, or load into a new table.",
    ),
    Entry(
        code="DMS312",
        slug="not-a-time",
        why="Validity needs an instant to start at, and settle needs one to subtract from.",
        mistake="effective_at: version_number",
        cure="Name a column that carries a date or a timestamp.",
    ),
    Entry(
        code="DMS313",
        slug="no-exact-order",
        why="A watermark is compared with every row; a text file has no types to compare by, a float no exact order.",
        mistake="checkpoint: {columns: [score]}   # score is a double",
        cure="Name an integer, decimal, date, timestamp or text column; turn a CSV file into Parquet.",
    ),
    Entry(
        code="DMS314",
        slug="too-many-columns",
        why="A database limits the columns of a table, and staging needs a few of its own.",
        mistake="a source of 1995 columns into SQLite",
        cure="List the columns that are needed.",
    ),
    Entry(
        code="DMS315",
        slug="reserved-source-name",
        why="Names that start with _dms_ belong to the staging tables, and rowid names a row in an embedded database.",
        mistake="a source column _dms_class, and no columns",
        cure="List the columns, and load it under another name.",
    ),
    Entry(
        code="DMS316",
        slug="rows-at-watermark",
        why="Append reads beyond the watermark; a row that comes in at the watermark itself would never be loaded.",
        mistake="append over a date, and more rows of the last loaded day come in",
        cure="Add a column that makes the checkpoint unique, or load with type 0 and a key: it reads the tie.",
    ),
    Entry(
        code="DMS317",
        slug="target-is-a-view",
        why="A view has no rows of its own: a load would fail at its first statement, with the database's words.",
        mistake="target: {connection: dwh, table: customers_v}",
        cure="Name the table that the view reads, or a new one.",
    ),
    Entry(
        code="DMS318",
        slug="name-too-long",
        why="PostgreSQL keeps 63 bytes of a name and cuts off the rest without a word, and two may become one.",
        mistake="target: {connection: dwh, table: a_name_of_more_than_sixty_three_bytes_that_nobody_reads_twice}",
        cure="Write a shorter name; dmsflow_gone_ stands before that of the table in a table of its own.",
    ),
    Entry(
        code="DMS319",
        slug="target-is-divided",
        why="Rows are written by their place, and in a table of partitions two rows may have the same one.",
        mistake="target: {connection: dwh, table: orders_by_month}",
        cure="Load a table of its own, and attach it as a partition or merge it afterwards.",
    ),
    Entry(
        code="DMS320",
        slug="transfer-impossible",
        why=(
            "A transfer that is asked for is not replaced by another one; where it would not be exact, or the two "
            "databases have no such way between them, nothing is loaded."
        ),
        mistake="dmsflow apply pipeline.yaml --transfer copy   # from DuckDB to PostgreSQL",
        cure="Leave --transfer out: the plan chooses the fastest way that is exact, and says why.",
    ),
    Entry(
        code="DMS321",
        slug="endless-checkpoint",
        why="A watermark that stands at infinity is passed by no later row: each run after it would read nothing.",
        mistake="checkpoint: {columns: [valid_to]}   # where open rows have 'infinity'",
        cure="Correct these rows, leave them out with source.where, or name another column.",
    ),
    Entry(
        code="DMS322",
        slug="key-not-comparable",
        why=(
            "Rows of source and target are told apart by their key. A key of a type that only one of the two databases "
            "can write has no text that is the same in both."
        ),
        mistake="key: [valid_range]   # a tstzrange of PostgreSQL, read from DuckDB",
        cure="Give the key column a type that both databases have, such as text.",
    ),
    Entry(
        code="DMS330",
        slug="no-translation",
        why=(
            "A dry run and a spec test run the source's SQL in DuckDB. What DuckDB has no words for, or would compute "
            "otherwise, is refused there rather than rehearsed wrong; a real run is not concerned."
        ),
        mistake="where: xml_is_well_formed(note)   # in dmsflow dry-run, from PostgreSQL",
        cure="Write it as both databases have it, such as with a CAST, or move it into a view of the source.",
    ),
    Entry(
        code="DMS340",
        slug="computed-column",
        why="A generated column, or an identity ALWAYS, takes its value from the database alone: it refuses every row.",
        mistake="columns: {total: {}}   # total is GENERATED ALWAYS AS (price * amount)",
        cure="Leave the column out, or declare the identity as GENERATED BY DEFAULT.",
    ),
    Entry(
        code="DMS341",
        slug="no-comparison",
        why="A change is found by comparing; for json, xml and some geometric types PostgreSQL has no comparison.",
        mistake="scd: 1 into a table with a column of type json",
        cure="Declare the column as jsonb or text, leave it out, or append.",
    ),
    Entry(
        code="DMS342",
        slug="memory-without-column",
        why="late: insert makes a history again from the rows that it remembers, and these lack a column of the spec.",
        mistake="columns: {id: {}, plan: {}, region: {}}   # region is new, the memory is not",
        cure="Add the column to the table of the memory too, or drop that table: it begins anew with the next run.",
    ),
    Entry(
        code="DMS343",
        slug="references-unknown-table",
        why="A check that refers to a table which is not there would fail every run.",
        mistake="references: {columns: [country], table: dw.dim_contry}",
        cure="Check schema and name, and that the target's user may read it.",
    ),
    Entry(
        code="DMS344",
        slug="feed-without-tables",
        why="The chain of a feed is made in tables of its transaction, which Oracle ends with each table that is made.",
        mistake="grain: changes, into Oracle",
        cure="Load the last row of each key by a query and grain: snapshot, or into another database.",
    ),
    Entry(
        code="DMS345",
        slug="check-of-another-type",
        why="Only a date or a time has an age, and a value of one type is never one of another: no row would meet it.",
        mistake="accepted_values: {column: code, values: [1, 2]}   # code is text",
        cure='Name a column of that type, or write the values as it has them, such as ["1", "2"].',
    ),
    Entry(
        code="DMS346",
        slug="guard-would-refuse",
        why="The source tells how many rows it has, at once and about: fewer than a guard wants, so a run would fail.",
        mistake="guards: {min_rows: 1000}   # and the table has just been emptied",
        cure="Look at the source. When it is right, lower min_rows, or let one run pass with --allow min_rows.",
    ),
    Entry(
        code="DMS347",
        slug="target-hides-rows",
        why="A row that row level security hides from the target's user counts as new, and is inserted once more.",
        mistake="CREATE POLICY own ON dim_customer USING (tenant = current_user)   # and a load of all tenants by key",
        cure="Give the target's user a policy FOR SELECT USING (TRUE), BYPASSRLS, or the table itself.",
    ),
)
