"""The other half of a ring."""
