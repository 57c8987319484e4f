"""Traffic: what all connections of one server share, as numbers."""

from __future__ import annotations

import resource

from uvicorn.server import ServerState

from holdfast.serve.settings import Settings

# Descriptors of the gateway's own: files of the environment, sockets, what starting a worker takes.
_OWN = 64
_A_WORKER = 8
_FEWEST = 16
# The part of what is left that is for connections which are only told that there are too many.
_TURNED_AWAY = 5


class Traffic(ServerState):
    """What uvicorn's connections share, and what ours do beside.

    Args:
        most: Connections at once; more are turned away.

    Attributes:
        with_turned_away: Connections at once, with those that are given the time to read that they
            are too many.
        held: Bytes of bodies whose requests have no answer yet.
        head: Lines of the head that every answer has.
        draining: Whether the server is about to end, and every answer to be a connection's last.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.with_turned_away = most + max(_FEWEST, most // (_TURNED_AWAY - 1))
        self.held = 0
        self.head = b""
        self.draining = False


def room_for_connections(settings: Settings, models: int) -> int:
    """How many connections there may be; as many files as the system allows are allowed first.

    Below the limit stays what workers need when they start, now or again, and what it takes to
    turn a connection away with words.
    """
    if settings.limits.connections is not None:
        return settings.limits.connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        # macOS has a limit of its own below.
        except (OSError, ValueError):
            pass
    spare = _OWN + _A_WORKER * settings.workers * models
    room = soft - spare
    return max(_FEWEST, room - room // _TURNED_AWAY)
