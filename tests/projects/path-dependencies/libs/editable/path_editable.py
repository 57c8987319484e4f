"""First-party code, installed editable."""
