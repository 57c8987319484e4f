"""The app, put together: routes, the page, what guards them, what is said when it goes wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from acebet.features import History
from acebet.service import asking, signing
from acebet.service.desk import Desk
from acebet.service.guard import HEADERS, Headed, Limited, Logged, Sized, too_many
from acebet.service.limits import Limits, TooMany
from acebet.service.neighbour import Neighbour
from acebet.service.players import Directory
from acebet.service.settings import Settings
from acebet.service.users import Users, UsersError

log = logging.getLogger("acebet.service")

_STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings, history: History) -> FastAPI:
    """The service, ready to run.

    Args:
        settings: From the environment.
        history: Of all matches that are known.

    Raises:
        UsersError: The file of users cannot be read, or others can read it.
    """
    desk = Desk(
        history=history,
        players=Directory(history.players()),
        neighbour=Neighbour(settings),
        users=Users(settings.users),
        limits=Limits(),
        key=settings.secret_key.get_secret_value(),
    )

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.neighbour.close()

    app = FastAPI(
        title="AceBet",
        description="Who wins, of two players, on a day, on a surface.",
        lifespan=closing,
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = desk
    app.include_router(signing.router)
    app.include_router(asking.router)
    _add_pages(app, desk)
    _add_errors(app)
    _add_guards(app, desk, settings)
    return app


def _add_pages(app: FastAPI, desk: Desk) -> None:
    @app.get("/healthz", tags=["running"], responses={503: {"description": "No model"}})
    async def healthz() -> JSONResponse:
        """Whether predictions can be had: 503 while the model does not answer."""
        ready = await desk.neighbour.ready()
        return JSONResponse({"model": "ready" if ready else "silent"}, 200 if ready else 503)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_STATIC / "index.html")

    @app.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(_STATIC / "docs.html")

    app.mount("/static", StaticFiles(directory=_STATIC))
    # Swagger UI, from a package: FastAPI's own page fetches it from elsewhere.
    app.mount("/docs/static", StaticFiles(directory=str(files("fastapi_offline") / "static")))


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
        """What is wrong, and where; not what was sent, which may be a password."""
        said = [{name: one[name] for name in ("loc", "msg", "type")} for one in error.errors()]
        return JSONResponse({"detail": said}, 422)

    @app.exception_handler(TooMany)
    async def asked_too_much(_: Request, error: TooMany) -> JSONResponse:
        return too_many(error)

    @app.exception_handler(UsersError)
    async def no_users(_: Request, error: UsersError) -> JSONResponse:
        log.error("%s", error)
        return JSONResponse({"detail": "nobody can sign in at the moment"}, 503)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "this failed, and the log says why"}, 500, HEADERS)


def _add_guards(app: FastAPI, desk: Desk, settings: Settings) -> None:
    # The last one added sees a request first.
    app.add_middleware(Sized)
    app.add_middleware(Limited, limits=desk.limits)
    app.add_middleware(Headed)
    app.add_middleware(Logged)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
