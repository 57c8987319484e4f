import attr
import pandas
import six
