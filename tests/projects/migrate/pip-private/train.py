import houseprices
import pandas

print(houseprices.PRICES, pandas.__version__)
