"""The pairs that are measured: what kind of source is loaded into what kind of target. Measures nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """``in_place`` means that source and target are tables of one database."""

    source: str
    target: str = "duckdb"
    in_place: bool = False

    @property
    def title(self) -> str:
        """The pair as the report names it."""
        return f"one {self.target}" if self.in_place else f"{self.source} to {self.target}"

    @property
    def needs_server(self) -> bool:
        """Whether one side is PostgreSQL."""
        return "postgresql" in (self.source, self.target)


PAIRS = {
    "duckdb": Pair(source="duckdb"),
    "parquet": Pair(source="parquet"),
    "csv": Pair(source="csv"),
    "postgresql": Pair(source="postgresql", target="postgresql"),
    "postgresql-in-place": Pair(source="postgresql", target="postgresql", in_place=True),
    "postgresql-duckdb": Pair(source="postgresql"),
    "duckdb-postgresql": Pair(source="duckdb", target="postgresql"),
}
