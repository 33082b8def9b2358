"""The dictionary: frozen values that every room speaks. No I/O, no SQL."""
