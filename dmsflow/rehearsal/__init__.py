"""A plan run for show: the same compiler and the same runtime, over given rows, in a DuckDB of its own.

Opens no connection of a spec and resolves no secret, but to read a sample that is asked for.
"""
