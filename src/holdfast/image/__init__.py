"""OCI images straight from verified wheels: no daemon, no root, no build container.

A wheel is a zip and a layer is a tar: nothing is installed or run to make an image.
"""
