"""Serving: a gateway speaks HTTP, workers in restored environments predict.

A request comes in by `http/` past the `door/`, goes to an `endpoint/`, and waits in the `pool/` of
the version that answers; `protocol/` turns its bytes into rows and answers into bytes, and knows
neither sockets nor workers. `routes/` and `page/` are all that is no prediction; `seen/` is told
when a request was answered. Nothing of a model is ever loaded in this process.
"""
