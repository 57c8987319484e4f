"""What every route needs at hand: players and their history, the model, users, limits, the key."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from acebet.features import History
from acebet.service.limits import Limits
from acebet.service.neighbour import Neighbour
from acebet.service.players import Directory
from acebet.service.users import Users


@dataclass(frozen=True)
class Desk:
    """All of it, made once at the start."""

    history: History
    players: Directory
    neighbour: Neighbour
    users: Users
    limits: Limits
    key: str


def the_desk(request: Request) -> Desk:
    """The desk of the app that was asked."""
    desk: Desk = request.app.state.desk
    return desk
