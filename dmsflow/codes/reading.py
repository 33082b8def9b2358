"""DMS0xx: the file cannot be read."""

from dmsflow.codes.entry import Entry

READING: tuple[Entry, ...] = (
    Entry(
        code="DMS001",
        slug="unreadable-file",
        why="A spec that cannot be opened says nothing.",
        mistake="dmsflow validate pipelines/ordres.yaml",
        cure="Check the path and its permissions.",
    ),
    Entry(
        code="DMS002",
        slug="file-too-large",
        why="A spec is a page of text. A larger file is most often data, or an attack on whoever reads it.",
        mistake="a spec of more than 1 MiB",
        cure="Keep one pipeline per file, and data in files of its own.",
    ),
    Entry(
        code="DMS003",
        slug="not-utf-8",
        why=(
            "In another encoding the same bytes are other names. Windows editors write UTF-16 when asked for Unicode."
        ),
        mistake="a spec saved as UTF-16",
        cure="Save the file as UTF-8, with or without a byte order mark.",
    ),
    Entry(
        code="DMS004",
        slug="control-character",
        why="A character that nobody sees makes two names that look the same differ.",
        mistake="description: orders\x07",
        cure="Remove the character, or write it as an escape in double quotes.",
    ),
    Entry(
        code="DMS005",
        slug="yaml-syntax",
        why="The text is not YAML, so nothing after the place is known.",
        mistake="key: [order_id",
        cure="Correct the line; quote a value that holds a colon, a brace or a star.",
    ),
    Entry(
        code="DMS006",
        slug="tab-indentation",
        why="YAML indents with spaces; a tab has no width it could agree on.",
        mistake="source:\n\ttable: orders",
        cure="Indent with spaces.",
    ),
    Entry(
        code="DMS007",
        slug="empty-file",
        why="An empty file describes no load.",
        mistake="# only a comment",
        cure='Start with "version: 1".',
    ),
    Entry(
        code="DMS008",
        slug="several-documents",
        why="One file is one pipeline, so that its path names it.",
        mistake="version: 1\n---\nversion: 1",
        cure="Keep one pipeline per file, and remove the second ---.",
    ),
    Entry(
        code="DMS009",
        slug="not-a-mapping",
        why="A spec is a mapping of keys to values.",
        mistake="- version: 1",
        cure='Write "key: value" lines at the left margin.',
    ),
    Entry(
        code="DMS010",
        slug="duplicate-key",
        why="Most YAML readers keep the last of two equal keys and say nothing; half of what was written is lost.",
        mistake="retry: {attempts: 4, attempts: 9}",
        cure="Keep one of the two.",
    ),
    Entry(
        code="DMS011",
        slug="merge-key",
        why="Merge keys are gone from YAML 1.2, and what they override is hard to see.",
        mistake="target:\n  <<: *base",
        cure="Write the entries out; an alias may stand for a whole value.",
    ),
    Entry(
        code="DMS012",
        slug="tag",
        why="A tag asks the reader to build something other than text, numbers and lists. A spec needs none.",
        mistake="password: !!python/object:x {}",
        cure="Remove the tag; quote a value that is text.",
    ),
    Entry(
        code="DMS013",
        slug="too-many-values",
        why="A few lines of aliases can stand for billions of values, and a spec needs a few hundred.",
        mistake="b: [*a, *a, *a]   # and so on, nine times",
        cure="Write a smaller spec, with fewer aliases.",
    ),
    Entry(
        code="DMS014",
        slug="nesting-depth",
        why="A pipeline spec is at most five levels deep.",
        mistake="[[[[[[[[ ... ]]]]]]]]",
        cure="Write a spec as the reference shows it.",
    ),
    Entry(
        code="DMS015",
        slug="complex-key",
        why="A key is a word. A list or a mapping as a key is most often a missing quote.",
        mistake="{env}: x",
        cure='Write a plain word before the ":"; quote text that starts with { or [.',
    ),
    Entry(
        code="DMS016",
        slug="unknown-alias",
        why="An alias stands for a value that has an anchor above it.",
        mistake="where: *active",
        cure="Write the anchor, or quote text that starts with a star.",
    ),
    Entry(
        code="DMS017",
        slug="number-too-long",
        why="No database keeps a number of thousands of digits.",
        mistake="value: 111111...",
        cure="Quote it when it is text.",
    ),
)
