"""The old way to say what a project needs."""

from setuptools import setup

setup(py_modules=["legacy"], install_requires=["six", "idna; python_version>='3.11'"])
