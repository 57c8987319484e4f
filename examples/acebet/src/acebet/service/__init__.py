"""The service: who wins, over HTTP, for people who have signed in.

It knows the players and their history, and no model: `holdfast serve` stands beside it, with the
model in its sealed environment, and is asked over HTTP. So the service may be built, updated and
restarted without touching what predicts, and an alias that moves is followed without touching it.
"""
