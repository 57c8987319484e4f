"""Matches as a table: cleaned, in the order of time, kept as Parquet.

A column is here because it is known before its match, or because it is the result. What is counted
during a match (minutes, aces, break points) is left behind, so that no feature can be made of it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from acebet.seasons import DataError, cache_folder, season, write_whole

YEARS = range(2000, 2024)
SURFACES = ("Hard", "Clay", "Grass", "Carpet")
LEVELS = ("G", "M", "F", "A", "D")
"""Grand Slam, Masters, tour finals, other tour events, Davis Cup."""
ROUNDS = ("ER", "RR", "R128", "R64", "R32", "R16", "QF", "SF", "BR", "F")
"""In the order in which a tournament plays them: early rounds, round robin, …, bronze, final."""

_CLEANING = "2"  # another number where cleaning changes: tables kept before are not those of now
_OF_A_MATCH = {
    "tourney_id": "tournament",
    "tourney_name": "name",
    "tourney_level": "level",
    "surface": "surface",
    "round": "round",
    "best_of": "best_of",
    "match_num": "number",
}
_OF_A_PLAYER = {
    "id": "id",
    "name": "name",
    "ioc": "country",
    "hand": "hand",
    "ht": "height",
    "age": "age",
    "rank": "rank",
    "rank_points": "points",
}
_NUMBERS = {"best_of", "number", *(f"{side}_{name}" for side in ("winner", "loser")
                                   for name in ("height", "age", "rank", "points"))}  # fmt: skip
_NOT_PLAYED = "W/O|Walkover|Played and"
_NOT_FINISHED = r"RET|DEF|Def|ABD"
_SET = re.compile(r"(\d+)-(\d+)")  # of "7-6(4) 3-6 6-2 RET"; how a tie-break ended is no set
_LOWEST_HEIGHT = 140  # centimetres; there are slips of the pen below


def load(data: Path | None = None, years: Iterable[int] = YEARS) -> pd.DataFrame:
    """Every match that was played, one a row, the first of them first.

    Args:
        data: A folder with seasons; else they are downloaded from their publisher.
        years: The seasons.

    Returns:
        `date` (of the tournament's start: no match has a date of its own), `round`, `surface` (""
        is unknown), `level`, `best_of`, `finished` (not so where somebody retired), and of the
        `winner_` and the `loser_` each: id, name, country, hand, height (cm), age (years), rank,
        points; and the games that they won.
        Sorted by date, round and number; a match that was not played (a walkover) is not there.

    Raises:
        DataError: A season could not be had, or is no table of matches.
    """
    files = {year: season(year, data) for year in sorted(set(years))}
    kept = cache_folder() / f"matches-{_key(files.values())}.parquet"
    if kept.is_file():
        return pd.read_parquet(kept)
    matches = clean([_table(year, content) for year, content in files.items()])
    kept.parent.mkdir(parents=True, exist_ok=True)
    written = io.BytesIO()
    matches.to_parquet(written)
    write_whole(kept, written.getvalue())
    return matches


def clean(published: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """What `load` gives, from seasons as they are published."""
    rows = pd.concat(published, ignore_index=True)
    rows = rows[~rows["score"].astype(str).str.contains(_NOT_PLAYED)]
    columns = _OF_A_MATCH | {
        f"{side}_{theirs}": f"{side}_{ours}"
        for side in ("winner", "loser")
        for theirs, ours in _OF_A_PLAYER.items()
    }
    matches = rows[list(columns)].rename(columns=columns)
    for name in _NUMBERS:
        matches[name] = pd.to_numeric(matches[name], errors="coerce").astype(float)
    for side in ("winner", "loser"):
        height = matches[f"{side}_height"]
        matches[f"{side}_height"] = height.where(height >= _LOWEST_HEIGHT)
    matches["surface"] = matches["surface"].where(matches["surface"].isin(SURFACES), "")
    matches["finished"] = ~rows["score"].astype(str).str.contains(_NOT_FINISHED)
    matches[["winner_games", "loser_games"]] = [_games(score) for score in rows["score"]]
    matches["date"] = pd.to_datetime(rows["tourney_date"].astype(str), format="%Y%m%d")
    order = matches["round"].map({name: place for place, name in enumerate(ROUNDS)})
    if order.isna().any():
        raise DataError(f"unknown rounds: {sorted(set(matches['round'][order.isna()]))}")
    matches = matches.assign(_order=order).sort_values(
        ["date", "_order", "tournament", "number"], ignore_index=True
    )
    sorted_matches: pd.DataFrame = matches.drop(columns="_order")
    return sorted_matches


def _games(score: object) -> tuple[int, int]:
    """What the winner and the loser won of the games, from "6-4 3-6 7-6(5)"."""
    sets = _SET.findall(str(score))
    return sum(int(won) for won, _ in sets), sum(int(lost) for _, lost in sets)


def _table(year: int, content: bytes) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(content), low_memory=False)
    except ValueError as error:  # pandas' and the codec's errors are such
        raise DataError(f"the season {year} is no CSV table: {error}") from error
    wanted = {"tourney_date", "score", *_OF_A_MATCH}
    wanted |= {f"{side}_{name}" for side in ("winner", "loser") for name in _OF_A_PLAYER}
    if missing := sorted(wanted - set(table.columns)):
        raise DataError(f"the season {year} has no column {', '.join(missing)}")
    return table


def _key(files: Iterable[bytes]) -> str:
    digests = [hashlib.sha256(content).hexdigest() for content in files]
    return hashlib.sha256(" ".join([_CLEANING, *digests]).encode()).hexdigest()[:32]
