import attr
import click
import msgpack
import pandas
import six
import toml

print(attr, click, msgpack, pandas, six, toml)
