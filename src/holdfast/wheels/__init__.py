"""The wheel store: every wheel of a lock, for any platform, kept by its digest."""
