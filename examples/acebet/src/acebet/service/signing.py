"""Signing in, and who is asking: OAuth 2.0 with a password, bearer tokens (RFC 6749, 6750)."""

from __future__ import annotations

from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Form, HTTPException, Request, status
from fastapi.security import OAuth2PasswordBearer

from acebet.service.desk import Desk, the_desk
from acebet.service.limits import PREDICTIONS, SIGN_INS, WRONG_PASSWORDS, TooMany, client_of
from acebet.service.shapes import Me, Token
from acebet.service.tokens import LIFETIME, make_token, read_token
from acebet.service.users import User

router = APIRouter(tags=["signing in"])
_bearer = OAuth2PasswordBearer(tokenUrl="token")
# Argon2 takes 64 MiB for each password that it looks at.
_AT_ONCE = CapacityLimiter(2)

TheDesk = Annotated[Desk, Depends(the_desk)]


async def signed_in(desk: TheDesk, token: Annotated[str, Depends(_bearer)]) -> User:
    """The user whose token was shown."""
    name = read_token(token, desk.key)
    user = desk.users.find(name) if name else None
    if user is None:
        raise _unknown("no valid token")
    if user.disabled:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "this user is disabled")
    return user


async def sparing(desk: TheDesk, user: Annotated[User, Depends(signed_in)]) -> User:
    """The user whose token was shown, unless they ask for very much."""
    desk.limits.count(PREDICTIONS, user.name)
    return user


@router.post("/token")
async def sign_in(
    request: Request,
    desk: TheDesk,
    username: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=1024, json_schema_extra={"format": "password"})],
    grant_type: Annotated[str, Form(pattern="^password$")] = "password",  # noqa: ARG001
) -> Token:
    """A token for a name and its password: show it as `Authorization: Bearer …`."""
    desk.limits.count(SIGN_INS, client_of(request.client.host if request.client else "-"))
    desk.limits.look(WRONG_PASSWORDS, username)
    user = await to_thread.run_sync(desk.users.check, username, password, limiter=_AT_ONCE)
    if user is None:
        _count_wrong(desk, username)
        raise _unknown("wrong name or password")
    if user.disabled:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "this user is disabled")
    token = make_token(user.name, desk.key)
    return Token(access_token=token, expires_in=int(LIFETIME.total_seconds()))


@router.get("/users/me")
async def me(user: Annotated[User, Depends(signed_in)]) -> Me:
    """Who is signed in."""
    return Me(username=user.name)


def _count_wrong(desk: Desk, username: str) -> None:
    try:
        desk.limits.count(WRONG_PASSWORDS, username)
    except TooMany:  # several at once: the next one hears of it
        return


def _unknown(why: str) -> HTTPException:
    return HTTPException(status.HTTP_401_UNAUTHORIZED, why, {"www-authenticate": "Bearer"})
