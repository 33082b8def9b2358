"""Rules about references: secrets belong to connections, parameters to the source's SQL, nothing is pasted as text."""

from collections.abc import Iterator

from dmsflow.compiler.rules.spot import spot
from dmsflow.compiler.rules.sql_text import quoted_stretches
from dmsflow.diagnostics import Diagnostic, Path, Severity, did_you_mean
from dmsflow.model.reference import Reference, find_references
from dmsflow.model.spec import PipelineSpec, SecretText

Text = tuple[Path, str]


def source_sql(spec: PipelineSpec) -> Iterator[Text]:
    """The texts that may hold parameters."""
    if spec.source.query is not None:
        yield ("source", "query"), spec.source.query
    if spec.source.where is not None:
        yield ("source", "where"), spec.source.where


def plain_texts(spec: PipelineSpec) -> Iterator[Text]:
    """The texts that may hold no reference."""
    yield ("source", "file"), spec.source.file or ""
    yield ("source", "table"), str(spec.source.table or "")
    yield ("target", "table"), str(spec.target.table)
    for index, name in enumerate(spec.key):
        yield ("key", index), name
    for column in spec.columns:
        yield ("columns", column.name, "from"), column.source or ""
        yield ("columns", column.name, "expr"), column.expr or ""
        yield ("columns", column.name, "value"), column.value if isinstance(column.value, str) else ""
    yield ("scd", "deletes", "scope", "where"), spec.scd.within.where
    for index, check in enumerate(spec.checks):
        yield ("checks", index, "expr"), check.expr
        yield ("checks", index, "where"), check.where
        yield ("checks", index, "references", "where"), check.references.where if check.references else ""
    for param in spec.params:
        yield ("params", param.name, "default"), param.value if isinstance(param.value, str) else ""


def references_stand_where_they_may(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Secrets are references inside connections, parameters inside source.query and source.where."""
    for path, text in plain_texts(spec):
        for reference in find_references(text):
            help = "write the value itself; parameters are bound in source.query and source.where"
            message = f'reference "{reference}" stands where none is read'
            yield _at(text, reference, Diagnostic(code="DMS250", message=message, path=path, help=help))
    for path, text in source_sql(spec):
        for reference in find_references(text):
            if reference.kind in ("env", "file"):
                help = "declare a parameter and write ${param:NAME}; secrets belong to connections"
                message = f'reference "{reference}" stands in SQL'
                yield _at(text, reference, Diagnostic(code="DMS250", message=message, path=path, help=help))


def references_are_whole(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A reference names its kind: ${env:NAME}, ${file:PATH} or ${param:NAME}."""
    texts: list[tuple[Path, str, tuple[str, ...]]] = [
        (path, text, ("param", "env", "file")) for path, text in source_sql(spec)
    ]
    for connection in spec.connections:
        if connection.file != spec.file:
            continue
        secrets = [("url", connection.url), ("password", connection.password)]
        path: Path = ("connections", connection.name)
        texts += [((*path, key), secret.template, ("env", "file")) for key, secret in secrets if secret is not None]
        texts += [
            ((*path, "options", key), value.template, ("env", "file"))
            for key, value in connection.options
            if isinstance(value, SecretText)
        ]
    for path, text, kinds in texts:
        for reference in find_references(text):
            if reference.kind not in kinds:
                yield _at(text, reference, _judge_kind(path, reference, kinds))


def _judge_kind(path: Path, reference: Reference, kinds: tuple[str, ...]) -> Diagnostic:
    known = " or ".join("${" + kind + ":NAME}" for kind in kinds if kind != "env" or "param" not in kinds)
    message = f'reference "{reference}" has an unknown kind' if reference.kind else '"${" starts no reference'
    return Diagnostic(code="DMS254", message=message, path=path, help=f"write {known}")


def params_are_declared(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A parameter has a type before it has a value."""
    declared = tuple(param.name for param in spec.params)
    for path, text in source_sql(spec):
        for reference in find_references(text):
            if reference.kind == "param" and reference.name not in declared:
                help = did_you_mean(reference.name, declared) or f'add "{reference.name}: {{type: date}}" to params'
                message = f'parameter "{reference.name}" is not declared'
                yield _at(text, reference, Diagnostic(code="DMS251", message=message, path=path, help=help))


def params_are_used(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """A parameter that nothing uses makes --set look as if it did something."""
    used = {found.name for _, text in source_sql(spec) for found in find_references(text) if found.kind == "param"}
    for param in spec.params:
        if param.name not in used:
            message = f'parameter "{param.name}" is not used'
            help = f"write ${{param:{param.name}}} in the source's SQL, or remove it"
            path: Path = ("params", param.name)
            yield Diagnostic(code="DMS252", message=message, path=path, help=help, severity=Severity.WARNING)


def params_are_bound(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Inside quotes a bound value is text that nobody binds; inside a comment it is nothing."""
    for path, text in source_sql(spec):
        stretches = tuple(quoted_stretches(text))
        for reference in find_references(text):
            kind = next((kind for kind, start, end in stretches if start < reference.start < end), None)
            if kind is None:
                continue
            inside, help = "quotes", "remove the quotes: values are bound"
            if kind != "quote":
                inside, help = "a comment", "remove it from the comment"
            message = f'parameter "{reference.name}" stands inside {inside}'
            yield _at(text, reference, Diagnostic(code="DMS253", message=message, path=path, help=help))


def _at(text: str, reference: Reference, problem: Diagnostic) -> Diagnostic:
    return problem.at(spot(text, reference.start, reference.end))
