"""What DuckDB says of a file that it cannot read, without its advice about options that a spec does not have."""

import re

ADVICE = re.compile(
    r"\n\s*(Possible (fixes|solutions)|Try increasing|If you are trying|This can happen|Candidate names|"
    r"Change the maximum length|\* (Enable|Disable|Set|Use) )",
)
CSV_LINE = re.compile(r"CSV Error on Line: (\d+)\n")
CSV_FILE = re.compile(r"^ *file = (.*)$", re.M)
CSV_REASONS = (
    (re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)"), "has {1} fields, the header has {0}"),
    (re.compile(r"unterminated quote"), "has a quote that is not closed, or text after it"),
    (re.compile(r"Maximum line size"), "is too long: a line of a CSV may be 16 MiB long"),
    (
        re.compile(r"[Uu]nicode|not utf-8"),
        'is not UTF-8: convert the file, for example with "iconv -f latin1 -t utf-8"',
    ),
)
LONGEST = 2000


def explain_reading(message: str) -> str:
    """The same in fewer words; a message of something else as it is. A line is told, not shown: it may be 16 MiB."""
    line = CSV_LINE.search(message)
    if line is None:
        words = ADVICE.split(message, maxsplit=1)[0].strip()
        return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
    file = CSV_FILE.search(message)
    place = f'line {line[1]} of "{file[1]}"' if file else f"line {line[1]} of the CSV"
    for reason, words in CSV_REASONS:
        found = reason.search(message, line.end())
        if found:
            return f"{place} {words.format(*found.groups())}"
    return f"{place} cannot be read: {message[line.end() :].strip()[:LONGEST]}"
