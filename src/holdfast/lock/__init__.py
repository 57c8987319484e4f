"""Locks, as values: what a model needs, exactly. Pure: no file, network or process."""
