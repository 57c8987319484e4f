"""The smallest change of a lock that mends a finding, and what the predictions say to it."""
