"""Change logic as named statements, pure: what a chunk does to its target, for each SCD type."""
