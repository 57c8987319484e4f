"""Which packages share a layer. Pure.

A big wheel has a layer of its own. The small ones are pooled, in a few pools that their names
decide: what one package does changes no pool but its own, and a new one moves nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

# From here on, in bytes of the wheel, a package is worth a layer: a registry and a client ask for
# each layer by itself, which costs about as much as a MiB.
_BIG_BYTES = 1 << 20
_POOLS = 8


def group(sizes: Mapping[str, int], most: int) -> tuple[tuple[str, ...], ...]:
    """Packages by layer: pools first, then the big ones; each sorted by name.

    Args:
        sizes: Bytes of each package's wheel, by its normalised name.
        most: Layers that there may be, at least 1.
    """
    pools = min(_POOLS, most)
    room = most - pools
    by_size = sorted(sizes, key=lambda name: (-sizes[name], name))
    big = {name for name in by_size[:room] if sizes[name] >= _BIG_BYTES}
    pooled: dict[int, list[str]] = {}
    for name in sorted(sizes.keys() - big):
        pooled.setdefault(_pool(name, pools), []).append(name)
    return (
        *(tuple(pooled[number]) for number in sorted(pooled)),
        *((name,) for name in sorted(big)),
    )


def _pool(name: str, pools: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % pools
