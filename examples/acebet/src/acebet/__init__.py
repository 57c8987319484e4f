"""AceBet: who wins an ATP match, from what is known before it.

`data` reads seasons, `features` says what was known when, `model` answers, `training` makes the
model and `evaluation` judges it.
"""
