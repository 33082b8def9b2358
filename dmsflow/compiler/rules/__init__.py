"""Rules of meaning, one file per theme. Each is a generator of Diagnostics over one spec; none asks a database."""
