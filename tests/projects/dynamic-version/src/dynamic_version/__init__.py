"""Its version is here and nowhere else."""

__version__ = "3.1.4"
