"""Holdfast keeps a machine-learning model and its exact environment together."""

__version__ = "0.1.0"
