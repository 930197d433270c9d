"""The symbolic teacher on GSM8K and MATH: read, tie, replay, vary, turn around; claim only what can be proved."""
