"""Seasons: where they come from, and what of them is kept."""

from __future__ import annotations

import gzip
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from acebet import seasons as room
from acebet.data import ROUNDS, load
from acebet.seasons import DataError, season, seasons_in


def test_in_the_order_of_time(matches):
    places = matches["round"].map(list(ROUNDS).index)
    keys = list(zip(matches["date"], places, strict=True))
    assert keys == sorted(keys)
    assert len(matches) == 4 * 20 * 15 - 1  # one was a walkover


def test_nothing_of_what_happens_in_a_match_but_its_result(matches):
    of_all = {"tournament", "name", "level", "surface", "round", "best_of", "number", "date"}
    results = {"finished", "winner_games", "loser_games"}
    sides = {name for name in matches.columns if name.startswith(("winner_", "loser_"))}
    assert set(matches.columns) == of_all | results | sides
    assert {name.split("_", 1)[1] for name in sides - results} == {
        "id", "name", "country", "hand", "height", "age", "rank", "points",
    }  # fmt: skip


def test_slips_of_the_pen_are_unknown(matches):
    assert matches["winner_height"].isna().sum() == 1
    assert (matches["surface"] == "").sum() == 1
    assert set(matches["finished"]) == {True, False}


def test_games_are_counted_without_tie_breaks(matches):
    games = set(zip(matches["winner_games"], matches["loser_games"], strict=True))
    assert games == {(12, 7), (16, 13), (8, 1)}


def test_the_table_is_kept(seasons, own_cache):
    first = load(seasons, [2002])
    kept = list(own_cache.glob("*.parquet"))
    assert len(kept) == 1
    pd.testing.assert_frame_equal(first, load(seasons, [2002]))
    assert list(own_cache.glob("*")) == kept


def test_packed_or_not(seasons, tmp_path):
    packed = seasons / "atp_matches_2001.csv.gz"
    (tmp_path / "atp_matches_2001.csv").write_bytes(gzip.decompress(packed.read_bytes()))
    assert season(2001, seasons) == season(2001, tmp_path)
    assert seasons_in(seasons) == [2001, 2002, 2003, 2004]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "seasons there: none"), (b"not gzip", "cannot be read"), (b"", "is no CSV table")],
    ids=["absent", "damaged", "empty"],
)
def test_a_season_that_is_none(tmp_path, content, said):
    if content is not None:
        (tmp_path / "atp_matches_2001.csv.gz").write_bytes(content)
    with pytest.raises(DataError, match=said):
        load(tmp_path, [2001])


def test_a_table_of_something_else(tmp_path):
    (tmp_path / "atp_matches_2001.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="has no column best_of"):
        load(tmp_path, [2001])


@pytest.fixture
def publisher(seasons, tmp_path, monkeypatch):
    folder = tmp_path / "published"
    folder.mkdir()
    shutil.copy(seasons / "atp_matches_2001.csv.gz", folder)
    packed = folder / "atp_matches_2001.csv.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    # https is asked for; here is nobody in between.
    monkeypatch.setattr(room, "_SCHEME", "http://")
    yield f"http://127.0.0.1:{server.server_port}/{{name}}", folder
    server.shutdown()
    server.server_close()


def test_a_download_that_is_not_what_was_published(publisher, own_cache):
    # This package knows the real season of that year, and these matches are made up.
    with pytest.raises(DataError, match=r"SHA-256 .* its publisher changed it, or"):
        season(2001, publisher=publisher[0])
    assert not own_cache.exists()


def test_a_season_of_later_is_remembered(publisher, own_cache):
    address, folder = publisher
    (folder / "atp_matches_2001.csv").rename(folder / "atp_matches_2031.csv")
    first = season(2031, publisher=address)
    (folder / "atp_matches_2031.csv").write_text("changed")
    assert season(2031, publisher=address) == first
    (own_cache / "atp_matches_2031.csv").write_text("damaged")
    with pytest.raises(DataError, match="Delete"):
        season(2031, publisher=address)


def test_only_https():
    with pytest.raises(DataError, match="no https address"):
        season(2001, publisher="http://data.example/{name}")
    with pytest.raises(DataError, match="name their folder with --data"):
        season(2001, publisher="https://127.0.0.1:1/{name}")
