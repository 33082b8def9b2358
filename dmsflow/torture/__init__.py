"""Runs a spec on scratch data, disturbs it, and compares with an undisturbed run. Touches no table of the user."""
