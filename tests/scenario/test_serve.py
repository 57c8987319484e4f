"""The first story: a sealed model is served, and answers as MLflow's protocol has it."""

from __future__ import annotations

from serving import Served, plain, serving

ROW = {"columns": [f"x{at}" for at in range(10)], "data": [[0.5] * 10]}


def test_a_model_is_served(served: Served):
    with serving(served.home, served.model("numbers")) as server:
        answer = plain.post(f"{server.url}/invocations", json={"dataframe_split": ROW})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"predictions": [1]}
        again = plain.post(
            f"{server.url}/models/numbers/invocations", json={"dataframe_split": ROW}
        )
        assert again.json() == answer.json()
        assert server.stop() == 0
