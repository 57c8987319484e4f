import click
import measures
import pandas
import six
import toml

print(click, measures.FEET, pandas.__version__, six.__version__, toml.__version__)
