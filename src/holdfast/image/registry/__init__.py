"""Image registries: pulling a base, pushing what was made (OCI distribution specification 1.1)."""
