"""The command line as its users have it: real processes, real files, nothing replaced."""
