"""Finding players by what people type: parts of names, accents or not, names slightly wrong."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from acebet.features import Player

_NEAR = 5
_LIKE_ENOUGH = 0.6


class NoSuchPlayer(LookupError):  # noqa: N818 - it is what is said, and no fault of ours
    """Nobody has that name, or more than one; `near` is what was perhaps meant."""

    def __init__(self, message: str, near: list[str]) -> None:
        super().__init__(message)
        self.message = message
        self.near = near


class Directory:
    """All players of a history, by id and by name. Whoever played last comes first."""

    def __init__(self, players: Iterable[Player]) -> None:
        latest = sorted(players, key=lambda player: (player.last, -(player.rank or 10_000)))
        self._players = latest[::-1]
        self._by_id = {player.id: player for player in self._players}
        self._by_name: dict[str, list[Player]] = {}
        for player in self._players:
            self._by_name.setdefault(plain(player.name), []).append(player)

    def find(self, named: str) -> Player:
        """The player of that name or id.

        Raises:
            NoSuchPlayer: There is none, or the name is that of several.
        """
        if named.isdecimal() and (player := self._by_id.get(int(named))):
            return player
        wanted = plain(named)
        found = self._by_name.get(wanted, [])
        if len(found) == 1:
            return found[0]
        if found:
            ids = [f"{player.id} ({player.country})" for player in found]
            raise NoSuchPlayer(f"Several players have that name, take an id: {', '.join(ids)}.", [])
        near = get_close_matches(wanted, self._by_name, _NEAR, _LIKE_ENOUGH)
        names = [self._by_name[name][0].name for name in near]
        names += [one.name for one in self.search(named, _NEAR) if one.name not in names]
        raise NoSuchPlayer("Nobody of that name is in the data.", names[:_NEAR])

    def search(self, text: str, limit: int) -> list[Player]:
        """Players in whose name each word of `text` begins a word."""
        words = plain(text).split()
        if not words:
            return []
        found = []
        for name, players in self._by_name.items():
            parts = name.split()
            if all(any(part.startswith(word) for part in parts) for word in words):
                found += players
                if len(found) >= limit:
                    break
        return found[:limit]


def plain(name: str) -> str:
    """A name as it is compared: without accents, case, hyphens and dots."""
    letters = unicodedata.normalize("NFKD", name)
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(kept.casefold().replace("-", " ").replace(".", " ").replace("'", "").split())
