from units import grams

TARE = grams(0.1)
