"""DMS285 to DMS290 and DMS35x: surrogate keys, and the facts that look them up."""

from dmsflow.codes.entry import Entry

SURROGATES: tuple[Entry, ...] = (
    Entry(
        code="DMS285",
        slug="surrogate-without-column",
        why="Only a dimension has a surrogate key by itself, and a name for it: the table's and _sk.",
        mistake="target: {table: orders}\nscd: {type: 2, fields: {surrogate_key: {from: uuid}}}",
        cure="Write column: with the name, or kind: dimension under target.",
    ),
    Entry(
        code="DMS286",
        slug="uuid-of-many-rows",
        why="Type append keeps several rows of one key, and a UUID that is made of the key would be the same for all.",
        mistake="scd: {type: append, fields: {surrogate_key: {column: sk, from: uuid}}}",
        cure="Write from: blocks, or load with a key and type 0, 1 or 2.",
    ),
    Entry(
        code="DMS287",
        slug="lookup-with-a-type",
        why="A column that is looked up holds keys of the dimension, and has their type.",
        mistake="customer_sk: {lookup: {dimension: dim_customer, key: customer_id}, type: integer}",
        cure="Remove the type.",
    ),
    Entry(
        code="DMS288",
        slug="unknown-member-untold",
        why="The unknown member is told from other rows by its surrogate key, and its own key must be no other row's.",
        mistake="key: [customer_id]\nscd: {type: 2, unknown_member: {name: unknown}}",
        cure="Write a value of each key column that no row of the source has, and kind: dimension under target.",
    ),
    Entry(
        code="DMS289",
        slug="sequence-without-effect",
        why="A sequence is named, and the surrogate keys come from somewhere else.",
        mistake="surrogate_key: {column: sk, sequence: dw.customer_seq}",
        cure="Write from: sequence, or remove the sequence.",
    ),
    Entry(
        code="DMS290",
        slug="deletes-by-a-looked-up-key",
        why=(
            "A key is gone when no row of the source has it. A row whose lookup finds nothing, since the dimension is "
            "late for example, has no such key, and the source would still have it."
        ),
        mistake="key: [customer_sk]   # a lookup\nscd: {type: 1, deletes: delete}",
        cure="Key the table by columns of the source, or write deletes: ignore.",
    ),
    Entry(
        code="DMS355",
        slug="key-without-a-name",
        why=(
            "A UUID is made of the text of the key, which must be the same in every database and at any time; floats, "
            "bytes, json and some types of one database have no such text."
        ),
        mistake="key: [weight]   # a double, with surrogate_key: {from: uuid}",
        cure="Key the table by whole numbers, decimals, texts, dates or timestamps, or write from: blocks.",
    ),
    Entry(
        code="DMS356",
        slug="surrogate-type",
        why="A table keeps the surrogate keys that it began with: numbers, or UUIDs.",
        mistake="surrogate_key: {from: uuid}   # the table has a bigint",
        cure="Write what the table has, or load into a new table.",
    ),
    Entry(
        code="DMS357",
        slug="no-dimension",
        why="Keys are looked up where the rows are merged, so the dimension is a table of the target's own database.",
        mistake="lookup: {dimension: dim_custmer, key: customer_id}",
        cure="Correct the name, load the dimension before the fact, or let the user read it.",
    ),
    Entry(
        code="DMS358",
        slug="not-a-dimension",
        why="A lookup needs the dimension's surrogate key and its business key, and with as_of its validity.",
        mistake="lookup: {dimension: dim_customer, key: cust_id}   # the dimension has customer_id",
        cure="Write {customer_id: cust_id}, or name the dimension's own columns under lookup.fields.",
    ),
    Entry(
        code="DMS359",
        slug="lookup-compares-types",
        why=(
            "A number has many texts, 7 and 007 among them: a lookup compares like with like. A text is cast, and told."
        ),
        mistake="lookup: {dimension: dim_customer, key: customer_id}   # a bigint here, a text there",
        cure="Cast the column in a query of the source.",
    ),
    Entry(
        code="DMS360",
        slug="unknown-member-misfit",
        why="The unknown member is a row of the target: it has its columns, and values of their types.",
        mistake="unknown_member: {customer_id: none}   # a bigint",
        cure="Write a value of the column's type, one for each NOT NULL column.",
    ),
    Entry(
        code="DMS361",
        slug="no-sequence",
        why="An identity or a sequence is the database's own, and SQLite has none that gives no number twice.",
        mistake="surrogate_key: {from: identity}   # the target is SQLite",
        cure="Write from: blocks, which is the default, or from: uuid.",
    ),
)
