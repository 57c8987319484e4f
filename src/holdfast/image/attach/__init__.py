"""What hangs on an image: its SBOM, its provenance and the receipt, as OCI referrers.

Values only: nothing is pushed or written here. None of it is signed; whoever signs an image signs
these the same way, by their digests.
"""
