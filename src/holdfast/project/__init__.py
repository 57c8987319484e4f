"""Finding and reading the user's uv project."""
