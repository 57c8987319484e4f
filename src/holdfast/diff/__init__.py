"""What changed between two sealed models: read and compared, nothing of theirs is loaded.

Only `replay=True` runs something: each model, in its own environment, on the other's golden input.
"""
