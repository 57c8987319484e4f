"""`acebet user` and `acebet serve`, as functions: the command line calls them."""

from __future__ import annotations

import getpass
import logging
import sys
from pathlib import Path

from pydantic import ValidationError

from acebet.service.settings import Settings
from acebet.service.users import UsersError, add_user


class ServiceError(ValueError):
    """The service cannot start; the message says what is missing."""


def add(users: Path, name: str) -> None:
    """Add a user, or give one a new password: asked for twice, or a line of standard input.

    Raises:
        UsersError: The name or the password will not do.
    """
    if sys.stdin.isatty():
        password = getpass.getpass()
        if getpass.getpass("Again: ") != password:
            raise UsersError("that was not the same twice")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    add_user(users, name, password)


def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C, by the settings in the environment.

    Raises:
        ServiceError: A setting is missing or wrong.
    """
    import uvicorn

    from acebet.data import YEARS, load
    from acebet.features import History
    from acebet.seasons import seasons_in
    from acebet.service.app import create_app

    settings = settings_from_environment()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # What is asked of the model is nobody's business either.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    years = seasons_in(settings.data) if settings.data else YEARS
    history = History.of(load(settings.data, years))
    app = create_app(settings, history)
    # Whose X-Forwarded-For is believed, and what is logged, is the app's own matter.
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )


def settings_from_environment() -> Settings:
    """The settings.

    Raises:
        ServiceError: With everything that is wrong, and no value.
    """
    try:
        return Settings()  # type: ignore[call-arg]  # they come from the environment
    except ValidationError as error:
        lines = [f"ACEBET_{one['loc'][0]!s}".upper() + f": {one['msg']}" for one in error.errors()]
        raise ServiceError("\n".join(lines)) from error
