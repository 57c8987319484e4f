"""The workers of one model version, and the calls that wait for them."""
