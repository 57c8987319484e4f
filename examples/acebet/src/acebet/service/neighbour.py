"""The sealed model, asked over HTTP: `holdfast serve` stands beside this service.

MLflow's scoring protocol: `POST /invocations` with a table of one row. Loads no model, and knows no
more of it than the names of its columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from acebet.service.settings import Settings

_TIMEOUT = httpx.Timeout(10.0, connect=2.0)
_BECAUSE = "because_"


class NoAnswer(Exception):  # noqa: N818 - it is what happened
    """The model did not answer, or otherwise than it should."""


@dataclass(frozen=True)
class Opinion:
    """What the model thinks of two players.

    Attributes:
        probability: That the first one wins.
        reasons: What each group of features says, in log-odds: above 0 for the first.
        version: Of the registered model, "" where it has none.
    """

    probability: float
    reasons: Mapping[str, float]
    version: str


class Neighbour:
    """A client of `holdfast serve`, with connections that stay open. Close it."""

    def __init__(self, settings: Settings) -> None:
        key = settings.model_key
        self._client = httpx.AsyncClient(
            base_url=str(settings.model_url),
            headers={"authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=_TIMEOUT,
            trust_env=False,  # a neighbour is not behind a proxy
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def ready(self) -> bool:
        """Whether the model answers now."""
        try:
            return (await self._client.get("ping")).is_success
        except httpx.HTTPError:
            return False

    async def ask(self, features: Mapping[str, float]) -> Opinion:
        """What the model says to one row.

        Args:
            features: By column; NaN is what is not known.

        Raises:
            NoAnswer: With what happened; never with what was sent.
        """
        row = [None if math.isnan(value) else value for value in features.values()]
        table = {"columns": list(features), "data": [row]}
        try:
            answer = await self._client.post("invocations", json={"dataframe_split": table})
        except httpx.HTTPError as error:
            raise NoAnswer(f"the model does not answer ({type(error).__name__})") from error
        if not answer.is_success:
            raise NoAnswer(f"the model answers with status {answer.status_code}")
        try:
            return _read(answer)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NoAnswer("the model's answer is none that is expected") from error


def _read(answer: httpx.Response) -> Opinion:
    (row,) = answer.json()["predictions"]
    reasons = {
        name.removeprefix(_BECAUSE): float(value)
        for name, value in row.items()
        if name.startswith(_BECAUSE)
    }
    probability = float(row["probability"])
    if not 0 <= probability <= 1:
        raise ValueError(probability)
    return Opinion(probability, reasons, answer.headers.get("x-holdfast-version", ""))
