from importlib.resources import files

import attr
import pandas
import six


def main():
    with files("shapes").joinpath("shapes.csv").open() as file:
        print(pandas.read_csv(file), attr.__version__, six.__version__)
