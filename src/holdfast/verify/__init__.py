"""Receipts: what was compared, what matched, what did not."""
