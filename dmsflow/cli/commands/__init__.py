"""One file per command. A command's imports are inside it, so that --help stays quick."""
