import moon
import pandas
import six

print(moon.PHASES, pandas.__version__, six.__version__)
