"""The routes that predict: players, matches, ratings."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Query, status

from acebet.features import Player
from acebet.service.desk import Desk
from acebet.service.neighbour import NoAnswer, Opinion
from acebet.service.players import NoSuchPlayer
from acebet.service.shapes import Day, Match, Name, PlayerFound, Prediction, Rating, Reason
from acebet.service.signing import TheDesk, signed_in, sparing

router = APIRouter(tags=["tennis"])
_Responses = dict[int | str, dict[str, Any]]
_UNKNOWN_PLAYER: _Responses = {404: {"description": "Unknown player, with names that are near"}}
_NO_MODEL: _Responses = {503: {"description": "The model does not answer"}}


@router.get("/players", dependencies=[Depends(signed_in)])
async def find_players(
    desk: TheDesk,
    q: Annotated[str, Query(min_length=1, max_length=64, description="Words of a name, begun")],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> list[PlayerFound]:
    """Players by parts of their names, whoever played last first."""
    return [_shown(player) for player in desk.players.search(q, limit)]


@router.get("/elo", dependencies=[Depends(signed_in)], responses=_UNKNOWN_PLAYER)
async def ratings(
    desk: TheDesk, player: Annotated[Name, Query()], until: Annotated[Day | None, Query()] = None
) -> list[Rating]:
    """A player's Elo over time, overall and by surface, before a day."""
    found = await _find(desk, player, "player")
    return [
        Rating(date=point.date, overall=round(point.overall, 1), surfaces=_rounded(point.surfaces))
        for point in desk.history.elo(found.id, until)
    ]


@router.post("/predict", dependencies=[Depends(sparing)], responses=_UNKNOWN_PLAYER | _NO_MODEL)
async def predict(desk: TheDesk, match: Match) -> Prediction:
    """Who wins, from what was known before: of any two players, on any day."""
    first = await _find(desk, match.first, "first")
    second = await _find(desk, match.second, "second")
    if first == second:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            [{"loc": ["body", "second"], "msg": "nobody plays against oneself", "type": "same"}],
        )
    features = desk.history.features(
        first.id,
        second.id,
        match.date,
        match.surface,
        level=match.level,
        round=match.round,
        best_of=match.best_of,
    )
    return _prediction(match, first, second, await _ask(desk, features))


async def _ask(desk: Desk, features: dict[str, float]) -> Opinion:
    try:
        return await desk.neighbour.ask(features)
    except NoAnswer as error:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE, str(error), {"retry-after": "5"}
        ) from error


async def _find(desk: Desk, named: str, field: str) -> Player:
    try:
        # Near names are looked for among all: not while others wait.
        return await to_thread.run_sync(desk.players.find, named)
    except NoSuchPlayer as error:
        said = {"message": error.message, "field": field, "near": error.near}
        raise HTTPException(status.HTTP_404_NOT_FOUND, said) from error


def _prediction(match: Match, first: Player, second: Player, opinion: Opinion) -> Prediction:
    weighty = sorted(opinion.reasons.items(), key=lambda one: -abs(one[1]))
    return Prediction(
        first=_shown(first),
        second=_shown(second),
        date=match.date,
        surface=match.surface,
        probability=opinion.probability,
        reasons=[Reason(reason=name, log_odds=value) for name, value in weighty],
        version=opinion.version,
    )


def _shown(player: Player) -> PlayerFound:
    return PlayerFound(
        id=player.id,
        name=player.name,
        country=player.country,
        first_match=player.first,
        last_match=player.last,
        rank=player.rank,
    )


def _rounded(surfaces: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in surfaces.items()}
