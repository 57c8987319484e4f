"""The store of restored environments."""
