import pandas
import six
import toml

print(pandas.__version__, six.__version__, toml.__version__)
