"""The example with PyTorch, from its README's command to a seven that is drawn on its page.

The digits are MNIST's (LeCun, Cortes, Burges; CC BY-SA 3.0); they lie beside the repository, never
in it. torch is the CPU's build where this machine has it, by the lines that the example shows for
that; else what the index gives, CUDA and all, and then no image is made.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from browser import watch
from bundles import unpack
from containers import needs_programs
from holdfast.uv import uv_program
from images import Made, answers_as_sealed
from kit import REPOSITORY, Ran, made_once, real_python, run, surroundings
from serving import serving
from torch_wheel import HERE, MINOR, cpu_index, cpu_wheel

DATA = REPOSITORY.parent / "shared" / "data" / "mnist"
EXAMPLE = REPOSITORY / "examples" / "mnist"
CHAMPION = "models:/digits@champion"
# Digits as one draws them, in shares of the sheet's side: lines of points.
DRAWN = {
    "1": [[(0.55, 0.15), (0.48, 0.85)]],
    "4": [[(0.35, 0.15), (0.28, 0.52), (0.72, 0.5)], [(0.66, 0.2), (0.6, 0.88)]],
    "7": [[(0.25, 0.18), (0.72, 0.16), (0.5, 0.5), (0.4, 0.88)]],
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there"),
]


@dataclass(frozen=True)
class Example:
    """The example after its command has run.

    Attributes:
        folder: Its folder, with `mlflow.db`, and all that was made there.
        home: Holdfast's.
    """

    folder: Path
    home: Path

    @property
    def env(self) -> dict[str, str]:
        """What a user has set who goes on by hand."""
        return _environment(self.home) | {
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}"
        }

    @property
    def said(self) -> str:
        """What the command printed."""
        return (self.folder / "said").read_text(encoding="utf-8")

    @property
    def model(self) -> Path:
        """The sealed model's folder."""
        (found,) = self.folder.glob("mlruns/*/models/*/artifacts")
        return found

    def do(self, *arguments: str | Path) -> Ran:
        """`uv run …`, in its folder."""
        command = [str(uv_program()), "run", "--no-sync", *map(str, arguments)]
        return run(command, cwd=self.folder, env=self.env)


def _environment(home: Path) -> dict[str, str]:
    # Threads that wait for each other on cores that other tests have, too, take ten times as long.
    one = {"OMP_NUM_THREADS": "1"}
    own = surroundings(HOLDFAST_HOME=str(home), UV_PYTHON=real_python(), **one)
    return own | {"PATH": f"{Path(uv_program()).parent}:{own['PATH']}"}


def _settle(pyproject: Path, wheel: Path, index: str | None) -> None:
    """This Holdfast, and PyTorch for the CPU as the comments say."""
    text = pyproject.read_text(encoding="utf-8").replace("../..", str(wheel))
    if index is not None:
        start = text.index("# [tool.uv.sources.torch]")
        end = text.index("\n\n", start)
        lines = [line.removeprefix("#").removeprefix(" ") for line in text[start:end].splitlines()]
        text = text[:start] + "\n".join(lines) + text[end:]
        text = text.replace("https://index.example/whl/cpu", index)
        # The index has a wheel for this Python and this machine; PyTorch's has more.
        text = text.replace(">=3.10,<3.14", f"=={MINOR}.*")
        text = text.replace("[tool.uv]\n", f'[tool.uv]\nenvironments = ["{HERE}"]\n')
    pyproject.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def mnist(
    holdfast_wheel: Path, quick_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> Example:
    """The README's command, once for all of xdist's processes."""

    def make(folder: Path) -> None:
        made = Example(folder / "mnist", folder / "home")
        kept = shutil.ignore_patterns(".venv", ".*_cache", "__pycache__", "mlruns", "mlflow.db")
        shutil.copytree(EXAMPLE, made.folder, ignore=kept)
        env = _environment(made.home)
        index = cpu_index(folder / "index") if cpu_wheel() else nullcontext()
        with index as url:
            _settle(made.folder / "pyproject.toml", holdfast_wheel, url)
            env |= {"HOLDFAST_IMAGE_BASE": str(quick_base)} if url else {}
            ran = run(_the_readmes_command(), cwd=folder, env=env, timeout=1500)
        assert ran.code == 0, ran
        (made.folder / "said").write_text(f"{ran.out}\n{ran.err}", encoding="utf-8")

    folder = made_once(tmp_path_factory.getbasetemp(), "example-mnist", make)
    return Example(folder / "mnist", folder / "home")


def _the_readmes_command() -> list[str]:
    program, script, option, data = "bash", "everything.sh", "--data", str(DATA)
    assert f"{program} {script} {option} " in (EXAMPLE / "README.md").read_text(encoding="utf-8")
    return [program, f"mnist/{script}", option, data]


def test_it_reads_digits_and_says_how_well(mnist):
    (share,) = re.findall(rf"{CHAMPION} reads ([\d.]+)% of 1500 test digits right", mnist.said)
    assert 97 <= float(share) < 100
    epochs = re.findall(r"epoch (\d)/8: train_loss ([\d.]+)", mnist.said)
    assert [number for number, _ in epochs] == list("12345678")
    assert float(epochs[-1][1]) < float(epochs[0][1]) / 5
    assert mnist.said.count("seven.png: 7\n") == 2


def test_it_is_sealed_and_nothing_but_what_it_needs(mnist):
    assert "grade        locked" in mnist.said
    assert "takes        uint8 [-1, 28, 28]" in mnist.said
    assert f"{CHAMPION} matches its seal (locked" in mnist.said
    assert "10 golden predictions replayed, identical to the bit" in mnist.said
    seal = json.loads((mnist.model / "holdfast" / "seal.json").read_text())
    sealed = set(seal["distributions"])
    assert {"torch", "mlflow-skinny", "pandas"} <= sealed
    assert not sealed & {"mlflow", "pillow", "tensorboard", "holdfast", "pytest", "matplotlib"}
    assert (mnist.model / "data" / "model.pt2").exists(), "a graph, not a pickle"


def test_mlflow_knows_what_tensorboard_was_told(mnist):
    read = (
        "import json, mlflow; run, = mlflow.search_runs(experiment_names=['digits'],"
        " output_format='list'); history = mlflow.MlflowClient().get_metric_history;"
        "print(json.dumps([run.data.params, {name: [one.step for one in"
        " history(run.info.run_id, name)] for name in run.data.metrics}]))"
    )
    ran = mnist.do("python", "-c", read)
    assert ran.code == 0, ran
    params, metrics = json.loads(ran.out)
    assert (params["seed"], params["epochs"], params["digits"]) == ("0", "8", "7000")
    assert metrics == {key: list(range(1, 9)) for key in ("train_loss", "validation_accuracy")}


def test_its_own_tests(mnist):
    ran = mnist.do("pytest")
    assert ran.code == 0, ran
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        ran = mnist.do(*command)
        assert ran.code == 0, ran


def test_a_gate_that_can_fail(mnist):
    ran = mnist.do("digits", "evaluate", "--data", DATA, "--at-least", "0.9999", "--json")
    assert ran.code == 1, ran
    assert json.loads(ran.out)["digits"] == 1500


def _draw(path: Path, digit: str, paper: str, ink: str, size: tuple[int, int]) -> Path:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", size, paper)
    side = min(size)
    for line in DRAWN[digit]:
        points = [(x * side, y * side) for x, y in line]
        ImageDraw.Draw(image).line(points, ink, round(0.06 * side), joint="curve")
    image.save(path)
    return path


def test_drawings_from_files(mnist, tmp_path):
    files = [
        _draw(tmp_path / "seven.png", "7", "white", "black", (300, 300)),
        _draw(tmp_path / "seven.jpg", "7", "#f5eedc", "#203070", (900, 500)),
        _draw(tmp_path / "one.jpeg", "1", "black", "white", (400, 600)),
        _draw(tmp_path / "four.png", "4", "#303030", "yellow", (90, 64)),
    ]
    ran = mnist.do("digits", "predict", "--json", *files)
    assert ran.code == 0, ran
    rows = json.loads(ran.out)
    assert [row["digit"] for row in rows] == [7, 7, 1, 4]
    for row in rows:
        assert abs(sum(row["probabilities"]) - 1) < 1e-5
        assert row["probabilities"][row["digit"]] > 0.5


def test_a_seven_on_the_page(mnist, new_page):
    env: Mapping[str, str] = {"MLFLOW_TRACKING_URI": mnist.env["MLFLOW_TRACKING_URI"]}
    with serving(mnist.home, CHAMPION, **env) as server:
        tab = new_page()
        seen = watch(tab)
        tab.goto(server.url)
        expect(tab.get_by_role("button", name="Predict")).to_be_enabled()
        pad = tab.get_by_role("application", name="Drawing pad, 28")
        for digit, lines in DRAWN.items():
            tab.get_by_role("button", name="Clear").click()
            expect(tab.locator("#answer")).to_be_empty()
            pad.scroll_into_view_if_needed()
            box = pad.bounding_box()
            for first, *others in lines:
                tab.mouse.move(*_at(box, first))
                tab.mouse.down()
                for point in others:
                    tab.mouse.move(*_at(box, point), steps=8)
                tab.mouse.up()
            expect(tab.locator("#answer .highest th")).to_have_text(digit)
            expect(tab.locator("#answer .bars tr")).to_have_count(10)
        with tab.expect_response("**/invocations") as answer:
            tab.get_by_role("button", name="Predict").click()
        sent = np.array(answer.value.request.post_data_json["inputs"])
        assert (sent.shape, sent.dtype, sent.min()) == ((1, 28, 28), np.int64, 0)
        assert sent.max() > 200
        tab.get_by_role("button", name="Clear").click()
        expect(tab.locator("#answer")).to_be_empty()
        tab.get_by_label("PNG or JPEG").set_input_files(EXAMPLE / "seven.png")
        expect(tab.locator("#answer .highest th")).to_have_text("7")
        assert seen.errors == []


def _at(box: Mapping[str, float], point: tuple[float, float]) -> tuple[float, float]:
    return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]


@needs_programs
@pytest.mark.skipif(cpu_wheel() is None, reason="an image with CUDA has gigabytes")
def test_its_image_answers_as_sealed(mnist, tmp_path):
    archive = mnist.folder / "digits.oci"
    assert archive.stat().st_size < 400e6
    unpack(archive, tmp_path / "bundle")
    answers_as_sealed(Made(mnist.model, layout=tmp_path / "layout", said={}))


def test_what_it_says_of_a_model_that_is_not_there(mnist, tmp_path):
    drawing = _draw(tmp_path / "seven.png", "7", "white", "black", (300, 300))
    ran = mnist.do("digits", "predict", drawing, "--model", "models:/none@champion")
    assert ran.code == 2, ran
    *_, said, hint = (line for line in ran.err.splitlines() if line)
    assert (said[:7], hint[:6]) == ("error: ", "hint: ")
