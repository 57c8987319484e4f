"""A package with extras."""
