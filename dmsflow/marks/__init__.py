"""What is kept in the target with the data: chunk marks, checkpoint, rejects, lease."""
