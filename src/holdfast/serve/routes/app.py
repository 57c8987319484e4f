"""The application: everything that is asked of the gateway and is no prediction.

Each part of it has its routes in a module of its own; here they are put together.
"""

from __future__ import annotations

from starlette.applications import Starlette

from holdfast.serve.gateway import Gateway
from holdfast.serve.page import routes as page
from holdfast.serve.routes import health, lane, live, openapi, v2, versions
from holdfast.serve.routes.problems import handlers


def make_app(gateway: Gateway) -> Starlette:
    """The ASGI application of a gateway."""
    parts = (health, live, versions, openapi, v2, lane, page)
    app = Starlette(
        routes=[route for part in parts for route in part.routes(gateway)],
        exception_handlers=handlers(),
    )
    app.router.redirect_slashes = False
    return app
