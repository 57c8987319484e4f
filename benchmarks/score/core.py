"""The core alone: the loop of limit.py, with Holdfast's worker in place of the model.

    python core.py MODEL INPUT OUTPUT THREADS again

No reading ahead, no second worker: what a batch costs on its way to a worker and back.
"""

from __future__ import annotations

import sys

from limit import score

from holdfast import restore
from holdfast.score.batch import BatchScorer


def main(model: str, path: str, output: str, threads: str, *again: str) -> None:
    with BatchScorer(restore(model), threads=int(threads)) as scorer:
        print(scorer.way, file=sys.stderr)
        score(lambda features: scorer.score(features).column(0), path, output, *again)


if __name__ == "__main__":
    main(*sys.argv[1:])
