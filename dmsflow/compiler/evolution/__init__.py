"""How a table that is loaded already follows its spec: what differs, what becomes of it, and the steps for it."""
