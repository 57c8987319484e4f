"""The application: everything that is asked of the gateway and is no prediction.

Each part of it has its routes in a module of its own; here they are put together.
"""

from __future__ import annotations

from starlette.applications import Starlette

from holdfast.serve import health, live, versions
from holdfast.serve.gateway import Gateway
from holdfast.serve.page import routes as page


def make_app(gateway: Gateway) -> Starlette:
    """The ASGI application of a gateway."""
    parts = (health, live, versions, page)
    return Starlette(routes=[route for part in parts for route in part.routes(gateway)])
