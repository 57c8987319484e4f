"""What is known against the packages of a lock: advisories, age, licences, sizes.

A model is read and not loaded; of a project nothing is run. It changes nothing.
"""
