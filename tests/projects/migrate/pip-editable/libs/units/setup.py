from setuptools import setup

setup(name="units", version="2.0", py_modules=["units"], install_requires=["six"])
