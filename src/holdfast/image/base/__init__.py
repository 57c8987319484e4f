"""The base of an image: the root file system with a Python that everything else stands on.

Read, never run: which Python it has and which libraries is told from its files, so that a base for
another machine is looked at in the same way.
"""
