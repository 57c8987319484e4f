import json
from importlib.resources import files

import attr
import pandas
import six

FEET = json.loads(files("verses").joinpath("feet.json").read_text())


def main():
    print(FEET, attr.__version__, pandas.__version__, six.__version__)
