"""Anything that answers requests, one file each; the journal wraps them."""
