"""What is covered of each dialect, for the reference. Translates nothing."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from dmsflow.rehearsal.dialects import oracle_functions, postgres_functions
from dmsflow.rehearsal.dialects.calls import Function
from dmsflow.rehearsal.dialects.date_models import PREFIXED_WORDS, covered_words
from dmsflow.rehearsal.dialects.number_models import COVERED


class Dialect(Struct, frozen=True, kw_only=True):
    """One dialect, as a reader meets it."""

    title: str
    functions: Sequence[Function]
    grammar: Sequence[tuple[str, str]]
    clauses: Sequence[tuple[str, str]]
    written: Sequence[str]
    read: Sequence[str]
    numbers: Sequence[str]


ORACLE_CLAUSES = (
    ("text = ''", "an empty text is NULL, as a constant, in a given row and as a result; NULL || 'x' is 'x'"),
    ("number + - * /", "exact decimals; a quotient, or a product of many digits, keeps 18 digits behind the point"),
    ("text with a number", "the text is read as a number; a number that becomes text is written as Oracle does"),
    ("DATE", "has a time in whole seconds; + and - days; DATE - DATE is a number of days"),
    ("column (+)", "LEFT JOIN; refused with OR, a subquery, or where no name tells the table"),
    ("ROWNUM", "<= n, < n, = 1, BETWEEN 1 AND n, and as a value; over an ordered subquery in its order"),
    ("CONNECT BY LEVEL <= n over DUAL", "a series; any other hierarchy is refused: write WITH ... UNION ALL"),
    ("PIVOT, UNPIVOT", "groups and unions; each value of a PIVOT needs a name"),
    ("WITH that reads itself", "WITH RECURSIVE"),
    ("MINUS, UNION, INTERSECT", "from left to right, as Oracle does"),
    ("FETCH FIRST n ROWS ONLY, OFFSET", "LIMIT, OFFSET; PERCENT and WITH TIES are refused"),
    ("ORDER BY", "NULL is the greatest; texts by their bytes"),
    ("DATE '...', TIMESTAMP '...', INTERVAL '...', q'[...]', N'...', hints", "literals; hints are left out"),
    (
        "MODEL, MATCH_RECOGNIZE, XMLTABLE, JSON_TABLE, SAMPLE, AS OF, packages, own functions, USER, ROWID",
        "refused",
    ),
)
POSTGRES_CLAUSES = (
    ("integer / integer, %", "an integer; where nothing tells whether it is one, it is refused"),
    ("numeric + - * /", "exact decimals; a quotient keeps 18 digits behind the point"),
    ("date + n, date - date, + interval", "as they are"),
    ("text || value", "of texts, numbers, dates and conditions"),
    ("ARRAY[...], = ANY (ARRAY[...])", "lists of DuckDB"),
    ("WITH, WITH RECURSIVE, UNION, EXCEPT, INTERSECT, LIMIT, OFFSET", "as they are"),
    ("LATERAL, VALUES, JSON, ranges, own functions, what a session tells of itself", "refused"),
)


def dialects() -> Iterator[Dialect]:
    """Oracle and PostgreSQL."""
    words = list(covered_words())
    yield Dialect(
        title="Oracle",
        functions=list(oracle_functions.FUNCTIONS.values()),
        grammar=oracle_functions.GRAMMAR,
        clauses=ORACLE_CLAUSES,
        written=[word for word, written, _ in words if written],
        read=[word for word, _, read in words if read],
        numbers=COVERED,
    )
    yield Dialect(
        title="PostgreSQL",
        functions=list(postgres_functions.FUNCTIONS.values()),
        grammar=postgres_functions.GRAMMAR,
        clauses=POSTGRES_CLAUSES,
        written=PREFIXED_WORDS,
        read=[word for word, _, read in words if read and word in PREFIXED_WORDS],
        numbers=(),
    )
