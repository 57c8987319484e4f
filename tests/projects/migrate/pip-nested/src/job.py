import attrs
import idna
import pandas

from helper import tidy

try:
    import cupy
except ImportError:
    cupy = None

print(tidy(idna.__version__), attrs.__name__, pandas.__version__, cupy)
