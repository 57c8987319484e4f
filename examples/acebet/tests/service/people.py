"""Who is in the tests' file of users, and how they are let in."""

from __future__ import annotations

from starlette.testclient import TestClient

from acebet.service.tokens import make_token

SECRET = "canary-key-0123456789-0123456789-0123456789"  # noqa: S105
PASSWORD = "canary-of-a-password"  # noqa: S105


def let_in(service: TestClient, name: str = "ada") -> TestClient:
    """Have a token shown, which costs no look at a password."""
    service.headers["authorization"] = f"Bearer {make_token(name, SECRET)}"
    return service
