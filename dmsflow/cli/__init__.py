"""The command line: what a person types, and what a person sees. Decides nothing about loads."""
