from setuptools import setup

setup(name="Fruit_Scales", version="0.4", py_modules=["scales"], python_requires=">=3.8")
