import attr
import click
import idna
import msgpack
import pandas
import ruamel.yaml

print(attr, click, idna, msgpack, pandas, ruamel.yaml)
