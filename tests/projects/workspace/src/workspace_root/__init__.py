"""The root of the workspace."""
