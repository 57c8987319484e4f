import attr
import idna
import pandas as pd
import six

print(attr.__version__, idna.__version__, pd.__version__, six.__version__)
