"""Serving: a gateway speaks HTTP, workers in restored environments predict.

`protocol/` turns bytes into rows and answers into bytes, and knows neither sockets nor workers;
`pool.py` keeps the workers of one model version and gives them what waits; `endpoint.py` says
which version answers under a name; `connection.py` speaks HTTP. Nothing of a model is ever loaded
in this process.
"""
