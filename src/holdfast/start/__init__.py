"""How a project comes to be."""
