import pandas

import scales

print(scales.TARE, pandas.__version__)
