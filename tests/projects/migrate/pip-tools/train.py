import attr
import click
import pandas

print(attr.__version__, click.__version__, pandas.__version__)
