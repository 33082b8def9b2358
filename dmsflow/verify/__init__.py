"""Source and target compared: what the source would be loaded as, against what the target has. Writes to neither."""
