"""Texts for who builds or runs images by other means: a Dockerfile with its context, Kubernetes.

Whatever a model says of itself is validated, then quoted, before it stands in one of them: other
programs read these as commands.
"""
