"""Made-up seasons, as their publisher writes them: players of known strength, drawn by lot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from acebet.data import load

YEARS = range(2001, 2005)
_PLAYERS = 24
_ROUNDS = ("R16", "QF", "SF", "F")


def make_season(year: int) -> pd.DataFrame:
    random = np.random.default_rng(year)
    rows = []
    for number in range(20):
        field = random.permutation(_PLAYERS)[:16]
        day = pd.Timestamp(year, 1, 1) + pd.Timedelta(days=14 * number)
        match = 0
        for played in _ROUNDS:
            pairs, field = field.reshape(-1, 2), []
            for first, second in pairs:
                wins = random.random() < 1 / (1 + np.exp((first - second) / 5))
                winner, loser = (first, second) if wins else (second, first)
                field.append(winner)
                match += 1
                row = {
                    "tourney_id": f"{year}-{number}",
                    "tourney_name": f"Open {number}",
                    "tourney_level": "A",
                    "surface": ("Hard", "Clay", "Grass")[number % 3],
                    "round": played,
                    "best_of": 3,
                    "match_num": 100 - match,
                    "tourney_date": int(day.strftime("%Y%m%d")),
                    "score": random.choice(["6-4 6-3", "7-6(5) 3-6 6-1", "6-1 2-0 RET"]),
                    "minutes": 90,
                }
                for side, player in (("winner", winner), ("loser", loser)):
                    row |= {
                        f"{side}_id": 100 + player,
                        f"{side}_name": f"Player {chr(65 + player)}",
                        f"{side}_ioc": "FRA",
                        f"{side}_hand": "L" if player % 5 == 0 else "R",
                        f"{side}_ht": 180.0 + player,
                        f"{side}_age": round(20 + player / 2 + (year - 2001), 1),
                        f"{side}_rank": player + 1 + random.integers(0, 4),
                        f"{side}_rank_points": 2000.0 - 50 * player,
                    }
                rows.append(row)
            field = np.array(field)
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seasons")
    for year in YEARS:
        made = make_season(year)
        if year == 2001:
            made.loc[0, "score"] = "W/O"
            made.loc[1, "winner_ht"] = 3
            made.loc[2, "surface"] = None
        made.to_csv(folder / f"atp_matches_{year}.csv.gz", index=False)
    return folder


@pytest.fixture(scope="session")
def matches(seasons: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACEBET_CACHE", str(tmp_path_factory.mktemp("cache")))
        return load(seasons, YEARS)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACEBET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
