"""First-party code, installed as a wheel."""
