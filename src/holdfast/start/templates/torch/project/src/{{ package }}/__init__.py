"""Reads digits that people wrote."""
