"""What stands around the trainer: data, tuning, plan, preflight, callbacks. TRL does the training."""
