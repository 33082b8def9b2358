"""Text to a plan: read, check, decode, survey, cut. Each step hands on values; problems are Diagnostics."""
