"""DMS23x to DMS26x: checkpoints, chunks, parameters and SQL that contradict each other."""

from dmsflow.codes.entry import Entry

MEANING_OF_RUNS: tuple[Entry, ...] = (
    Entry(
        code="DMS230",
        slug="checkpoint-without-columns",
        why="A watermark is a value of columns.",
        mistake="checkpoint: {strategy: key}",
        cure="Add columns that only grow, such as updated_at.",
    ),
    Entry(
        code="DMS231",
        slug="no-watermark",
        why="Columns, settle and on_null speak of a watermark, and this strategy keeps none.",
        mistake="checkpoint: {strategy: none, columns: [id]}",
        cure="Write strategy: key, or remove the key.",
    ),
    Entry(
        code="DMS232",
        slug="append-repeats",
        why="Type append has no key to know a row by: without a watermark a second apply inserts every row again.",
        mistake="scd: append   # and no checkpoint",
        cure="Add checkpoint columns, or write checkpoint: none when the source is new for each run.",
    ),
    Entry(
        code="DMS233",
        slug="append-rereads-nulls",
        why="A row whose checkpoint column is null is read by every run, and type append would insert it every time.",
        mistake="scd: append\ncheckpoint: {columns: [id], on_null: read}",
        cure="Write on_null: reject, or a type with a key.",
    ),
    Entry(
        code="DMS234",
        slug="chunk-outside-key",
        why="One key, one chunk: rows of one key in two chunks would be merged by two workers at once.",
        mistake="key: [id]\nparallel: {chunk_by: [region]}",
        cure="Write key columns.",
    ),
    Entry(
        code="DMS235",
        slug="python-reads-alone",
        why="Rows that are counted as they are read are read in one thread.",
        mistake="checkpoint: python\nparallel: {workers: 4}",
        cure="Remove workers and chunk_by, or write strategy: key with columns.",
    ),
    Entry(
        code="DMS236",
        slug="retry-delays",
        why="The first wait is not longer than the longest.",
        mistake="retry: {first_delay: 2m, max_delay: 60s}",
        cure="Write a shorter first_delay, or a longer max_delay.",
    ),
    Entry(
        code="DMS240",
        slug="hash-not-yet",
        why="The stored row hash is planned and not run by this version.",
        mistake="scd: {type: 2, detect: hash}",
        cure="Write detect: columns.",
    ),
    Entry(
        code="DMS242",
        slug="dask-not-yet",
        why="Workers on other machines are planned and not run by this version.",
        mistake="parallel: {executor: dask}",
        cure="Write executor: threads.",
    ),
    Entry(
        code="DMS243",
        slug="python-needs-order",
        why=(
            "Rows that are counted as they are read must come in the same order when a broken run goes on: the rows of "
            "a file do, those of a table or a query only by columns."
        ),
        mistake="scd: append\ncheckpoint: python   # of a table, and no order_by",
        cure="Add order_by with source columns that hardly repeat. The columns that are loaded order the rest.",
    ),
    Entry(
        code="DMS244",
        slug="python-is-for-append",
        why=(
            "Rows that are counted off could bring one key in two chunks. A type with a key needs no counting: its "
            "chunks are ranges of the key, and loading a row twice changes nothing."
        ),
        mistake="key: [id]\nscd: 1\ncheckpoint: python",
        cure="Write strategy: none, or strategy: key with columns.",
    ),
    Entry(
        code="DMS250",
        slug="reference-misplaced",
        why="Secrets belong to connections; parameters are bound in the source's SQL and pasted nowhere.",
        mistake="file: data/${env:DAY}.csv",
        cure="Write the value itself, or use ${param:NAME} in source.query or source.where.",
    ),
    Entry(
        code="DMS251",
        slug="undeclared-param",
        why="A parameter has a type before it has a value.",
        mistake="where: created >= ${param:since}   # and no params",
        cure="Declare it under params.",
    ),
    Entry(
        code="DMS252",
        slug="unused-param",
        why="A parameter that nothing uses makes --set look as if it did something.",
        mistake="params: {since: {type: date}}",
        cure="Use it in the source's SQL, or remove it.",
    ),
    Entry(
        code="DMS253",
        slug="param-in-quotes",
        why="Parameters are bound, never pasted: inside quotes there is only text.",
        mistake="where: created >= '${param:since}'",
        cure="Remove the quotes.",
    ),
    Entry(
        code="DMS254",
        slug="bad-reference",
        why="A reference names its kind: ${env:NAME}, ${file:PATH} or ${param:NAME}.",
        mistake="url: ${DWH_URL}",
        cure="Write ${env:DWH_URL}.",
    ),
    Entry(
        code="DMS255",
        slug="unknown-setting",
        why="A value for a parameter that the spec does not declare would be lost in silence.",
        mistake="dmsflow plan orders.yaml --set sicne=2026-01-01",
        cure="Correct the name, or declare the parameter.",
    ),
    Entry(
        code="DMS256",
        slug="param-without-value",
        why="A parameter without a default must be given.",
        mistake="params: {since: {type: date}}   # and no --set",
        cure="Give it with --set, or give it a default.",
    ),
    Entry(
        code="DMS260",
        slug="sql-syntax",
        why="SQL that cannot be read before the run fails in the middle of it.",
        mistake="query: select a from where b",
        cure="Correct the SQL; it is read in the dialect of its connection.",
    ),
    Entry(
        code="DMS261",
        slug="not-one-select",
        why="The source is only read: one SELECT, or WITH ... SELECT, that fits into a larger query.",
        mistake="query: delete from orders",
        cure="Write one SELECT, without a semicolon.",
    ),
    Entry(
        code="DMS262",
        slug="not-one-expression",
        why="where, expr and checks become part of a larger query, so each is one expression.",
        mistake="expr: a, b",
        cure="Write one expression, without SELECT, alias or semicolon.",
    ),
    Entry(
        code="DMS263",
        slug="comment-at-end",
        why="A line comment at the end would hide what follows it in the larger query.",
        mistake="where: a = 1 -- active",
        cure="Write it as /* comment */, or above.",
    ),
    Entry(
        code="DMS264",
        slug="check-twice",
        why="A reject carries the name of its check.",
        mistake="checks with the same name",
        cure="Rename one of the two.",
    ),
    Entry(
        code="DMS265",
        slug="many-rows",
        why="An aggregate would make one row of the source, and a window would see the rows of one chunk alone.",
        mistake="expr: max(amount)",
        cure="Write it in source.query, or in a (SELECT ...) of its own.",
    ),
    Entry(
        code="DMS266",
        slug="query-column-twice",
        why="Of two columns with one name a database renames the second as it likes, and the target gets that name.",
        mistake="query: select o.id, c.id from orders o join customers c on c.id = o.customer",
        cure="Name one of the two with AS, or leave it out.",
    ),
    Entry(
        code="DMS267",
        slug="untried-database",
        why="Its statements were written from the documentation of the database and of its driver, and parsed; the "
        "project has run none of them on a real server yet.",
        mistake="crm: oracle+oracledb://db/x",
        cure="Try it on data that may be lost, and compare source and target before anything rests on it.",
    ),
)
