"""A uv project from what pip, pip-tools, Pipenv, Poetry, conda or setuptools know of one."""
