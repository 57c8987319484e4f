"""How much is answered to whom: counted here, in this one process, over moving windows of time.

Several processes would each count for themselves: run one, which is plenty, since all it does is
to look up two players and to ask the model.
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

# Whatever a client asks for: the page itself is some ten files.
ANYTHING = RateLimitItemPerMinute(300, namespace="anything")
# Passwords from one client; and wrong ones for one name, from wherever.
SIGN_INS = RateLimitItemPerMinute(10, namespace="sign-ins")
WRONG_PASSWORDS = RateLimitItemPerHour(30, namespace="wrong-passwords")
# Predictions for one user.
PREDICTIONS = RateLimitItemPerMinute(60, namespace="predictions")


class TooMany(Exception):  # noqa: N818 - it is what is said, and no fault of ours
    """Somebody has asked too much; `wait` seconds and they may again."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many requests: again in {wait} s")
        self.wait = wait


class Limits:
    """The counters."""

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, limit: RateLimitItem, who: str) -> None:
        """Count one more.

        Raises:
            TooMany: It is one more than the limit; it is not counted then.
        """
        if not self._window.hit(limit, who):
            self._refuse(limit, who)

    def look(self, limit: RateLimitItem, who: str) -> None:
        """As `count`, counting nothing."""
        if not self._window.test(limit, who):
            self._refuse(limit, who)

    def _refuse(self, limit: RateLimitItem, who: str) -> None:
        free = self._window.get_window_stats(limit, who).reset_time
        raise TooMany(max(1, math.ceil(free - time.time())))


def client_of(host: str) -> str:
    """Whom to count for: an address; of IPv6 the network, since a customer is given a whole /64."""
    try:
        address = ip_address(host)
    except ValueError:  # a Unix socket's, or a test's
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return IPv6Address(int(address) >> 64 << 64).compressed
