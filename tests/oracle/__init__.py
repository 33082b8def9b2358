"""Oracle without a server: plans made for it, its SQL read by parsers and run by DuckDB."""
