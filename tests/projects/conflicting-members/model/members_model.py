"""A member that is for one device or for the other."""
