"""One half of a ring."""
