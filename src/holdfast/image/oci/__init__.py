"""Images as the OCI image specification 1.1 writes them down: documents, and layouts on disk."""
