"""What is asked and answered, as the API's documentation shows it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# The literals are those of acebet.data; a test holds them together.
Surface = Literal["Hard", "Clay", "Grass", "Carpet"]
Level = Literal["G", "M", "F", "A", "D"]
Round = Literal["ER", "RR", "R128", "R64", "R32", "R16", "QF", "SF", "BR", "F"]
_FIRST_DAY, _LAST_DAY = dt.date(1968, 4, 22), dt.date(2100, 1, 1)


def _written(given: Any) -> Any:
    """Pydantic would take a number for seconds since 1970."""
    if not isinstance(given, str) or len(given) != len("2024-07-01"):
        raise ValueError("a date is written YYYY-MM-DD")
    return given


def _within(day: dt.date) -> dt.date:
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise ValueError(f"a day from {_FIRST_DAY} to {_LAST_DAY} is expected")
    return day


Day = Annotated[
    dt.date,
    BeforeValidator(_written),
    AfterValidator(_within),
    Field(description="YYYY-MM-DD, from the Open Era on"),
]
Name = Annotated[str, Field(min_length=1, max_length=64, description="A player's name, or id")]


class Match(BaseModel):
    """A match of two players: played, to come, or never to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "first": "Carlos Alcaraz",
                    "second": "Novak Djokovic",
                    "date": "2024-07-01",
                    "surface": "Grass",
                    "level": "G",
                    "best_of": 5,
                }
            ]
        },
    )

    first: Name
    second: Name
    date: Annotated[Day, Field(description="On which the tournament starts")]
    surface: Surface
    level: Annotated[
        Level,
        Field(description="Grand Slam, Masters 1000, tour finals, another tour event, Davis Cup"),
    ] = "A"
    round: Round | None = None
    best_of: Literal[3, 5] = 3


class PlayerFound(BaseModel):
    """A player; the matches are those in the data, each under its tournament's first day."""

    id: int
    name: str
    country: str
    first_match: dt.date
    last_match: dt.date
    rank: Annotated[int | None, Field(description="The last one in the data")]


class Reason(BaseModel):
    """What a group of features says, in log-odds: above 0 it speaks for the first player."""

    reason: str
    log_odds: float


class Prediction(BaseModel):
    """What the model thinks of a match."""

    first: PlayerFound
    second: PlayerFound
    date: dt.date
    surface: Surface
    probability: Annotated[float, Field(ge=0, le=1, description="That the first player wins")]
    reasons: Annotated[list[Reason], Field(description="The weightiest first")]
    version: Annotated[str, Field(description="Of the registered model; empty without a registry")]


class Rating(BaseModel):
    """Elo after the tournament that started on a date."""

    date: dt.date
    overall: float
    surfaces: dict[str, float]


class Token(BaseModel):
    """What `/token` answers (OAuth 2.0, RFC 6749 section 5.1)."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the type's name
    expires_in: Annotated[int, Field(description="Seconds")]


class Me(BaseModel):
    """Who is signed in."""

    username: str
