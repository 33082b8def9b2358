"""SQL in the dialect of a source, said exactly in DuckDB's; only what is listed here is taken. Runs nothing."""
