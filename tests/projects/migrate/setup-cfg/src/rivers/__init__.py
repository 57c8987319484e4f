import attr
import pandas

__version__ = "0.9"
LENGTH = len(attr.__name__) + len(pandas.__name__)
