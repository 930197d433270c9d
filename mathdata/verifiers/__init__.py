"""The judge: extraction, values, equality, steps, doubtful gold."""
