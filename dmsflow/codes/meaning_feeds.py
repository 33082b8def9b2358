"""DMS229 and DMS245 to DMS249: change feeds that say too little, or two things at once."""

from dmsflow.codes.entry import Entry

MEANING_OF_FEEDS: tuple[Entry, ...] = (
    Entry(
        code="DMS229",
        slug="feed-without-order",
        why=(
            "Several rows of a key mean something only in an order, and a version needs the instant at which it "
            "begins. The order in which rows happen to arrive is none."
        ),
        mistake="source: {connection: crm, table: changes, grain: changes}\nscd: 2",
        cure="Add effective_at under scd; types 0 and 1 also take order_by alone.",
    ),
    Entry(
        code="DMS245",
        slug="feed-option-without-effect",
        why="An option that nothing asks for leads a reader to think that something does.",
        mistake="source: {connection: crm, table: customers, op: {column: op, update: U, delete: D}}   # a snapshot",
        cure="Remove the option, or write what it belongs to: grain: changes, or late: insert for a window.",
    ),
    Entry(
        code="DMS246",
        slug="operation-values",
        why="Each value of the operation column says one thing, and a row with a value that says nothing is rejected.",
        mistake="op: {column: op, insert: [I, U], update: U, delete: D}",
        cure="Let each value stand once, and name those of rows that are there.",
    ),
    Entry(
        code="DMS247",
        slug="deletes-need-an-operation",
        why=(
            "A key that does not arrive in a feed has not changed. Only a row can say that its key was deleted, and "
            "what that does to the target is for scd.deletes to say."
        ),
        mistake="source: {connection: crm, table: changes, grain: changes}\nscd: {type: 2, deletes: close}",
        cure="Add op with a value for delete, or write deletes: ignore.",
    ),
    Entry(
        code="DMS248",
        slug="late-rows-without-a-place",
        why=(
            "late: insert puts a version where it belongs, by a memory of all rows around it: it needs a history and a "
            "feed, and columns that do not change. late: correct_current would write an old row over the current "
            "version each time that a feed is read again."
        ),
        mistake="source: {grain: changes}\nscd: {type: 1, late: insert}",
        cure="Write late: insert with grain: changes, type: 2 and evolve: refuse; or late: reject.",
    ),
    Entry(
        code="DMS249",
        slug="policy-without-a-place-in-a-feed",
        why=(
            "What a feed leaves in the target depends on its rows alone, and not on how many of them are read at once. "
            "The value before the last change of a column that makes no version would."
        ),
        mistake="source: {grain: changes}\ncolumns: {region: {scd: 3}}",
        cure="Write scd: 2, whose versions are every previous value; or grain: snapshot.",
    ),
)
