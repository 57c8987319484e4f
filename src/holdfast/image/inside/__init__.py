"""What stands inside an image besides the packages and the model, and how it is run.

A Holdfast store that holds one environment, so that every command works there unchanged, and the
gateway. Entries are made here; nothing is written, and nothing of what they hold is run.
"""
