"""What stands in an image works there: read only, root's, without uv and MLflow beside it."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from holdfast.environment.plan import choose
from holdfast.environment.python import choose_python
from holdfast.errors import MismatchError
from holdfast.image.inside.account import account_entries
from holdfast.image.inside.config import image_config
from holdfast.image.inside.contents import Contents, check_records
from holdfast.image.inside.frame import frame_entries
from holdfast.image.inside.gateway import gateway_packages
from holdfast.image.inside.labels import image_labels
from holdfast.image.inside.own import gateway_own_entries
from holdfast.image.inside.places import ENVIRONMENT, GATEWAY, MODEL, place_of
from holdfast.image.inside.store import finding_entries, store_entries
from holdfast.image.layers.wheel import wheel_entries
from holdfast.image.values import Entry
from holdfast.model import Model, open_model
from holdfast.progress import silent
from holdfast.restore.restored import Slim, spec_of
from holdfast.seal.digest import digest_folder
from holdfast.seal.grade import Grade
from holdfast.seal.store import read_seal, write_seal
from holdfast.wheels.fetch import fetch
from rooted import Root, needs_mounts, unpacked
from small import ANSWERS, ROWS, reseal

pytestmark = needs_mounts
SEALED = platform.python_version()
_PYTHON = f"/usr/local/bin/python{'.'.join(SEALED.split('.')[:2])}"


@dataclass(frozen=True)
class Image:
    """An image's files and what is in them."""

    root: Root
    model: Model
    contents: Contents


def _environment(model: Model, target, version: str) -> tuple[list[Entry], Contents]:
    spec = spec_of(model, None, offline=True, on_progress=silent)
    packages = choose(spec.pylock, target)
    wheels = fetch(packages, folder=model.path, indexes=spec.indexes, target=target)
    place = place_of(ENVIRONMENT, version)
    made = {name: wheel_entries(wheel, place) for name, wheel in wheels.items()}
    frame = frame_entries(_PYTHON, version)
    contents = Contents(
        spec=spec,
        packages=packages,
        target=target,
        python=_PYTHON,
        program=(0, 0),
        frame=frame,
        rows={name: rows for name, (_, rows) in made.items()},
    )
    entries = [entry for entries, _ in made.values() for entry in entries]
    return [*frame[0], *entries], contents


def _gateway(target, version: str) -> list[Entry]:
    place = place_of(GATEWAY, version)
    packages = gateway_packages(target)
    wheels = fetch(packages, folder=Path("/"), indexes=(), target=target)
    entries = [entry for wheel in wheels.values() for entry in wheel_entries(wheel, place)[0]]
    frame, _ = frame_entries(_PYTHON, version, folder=GATEWAY)
    return [*frame, *entries, *gateway_own_entries(place)]


def _of_model(model: Model, place: str = MODEL) -> list[Entry]:
    files = (path for path in sorted(model.path.rglob("*")) if path.is_file())
    return [Entry(path=f"{place}/{path.relative_to(model.path)}", content=path) for path in files]


@pytest.fixture(scope="module")
def image(small, quick_base, shared, tmp_path_factory) -> Image:
    """The image of the small model, on the Python that it was sealed with."""
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    model = open_model(small.model)
    target = choose_python(SEALED, remembered=folder).target()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLDFAST_HOME", str(shared / "home"))
        environment, contents = _environment(model, target, SEALED)
        gateway = _gateway(target, SEALED)
    labels = image_labels(model, contents.key, SEALED)
    root = Root(unpacked(quick_base, folder / "root"), image_config({}, labels))
    passwd, group = (root.folder / "etc" / name for name in ("passwd", "group"))
    root.lay(account_entries(passwd.read_text(), group.read_text()))
    root.lay([*environment, *gateway, *store_entries(contents, model), *_of_model(model)])
    return Image(root, model, contents)


def test_a_receipt_made_inside_matches(image):
    ran = image.root.run("verify", "--json")
    receipt = json.loads(ran.out)
    assert ran.code == 0, ran
    assert {check["name"]: check["status"] for check in receipt["checks"]} == {
        "model-files": "match",
        "packages": "match",
        "installed-files": "match",
        "strays": "match",
        "python": "match",
        "predictions": "match",
    }
    assert receipt["environment"] == image.contents.key
    assert receipt["machine"]["uv"] == ""


def test_it_serves_where_sagemaker_says_with_nothing_to_write_to(image):
    program, *arguments = image.root.config["Healthcheck"]["Test"][1:]
    with image.root.serving("SAGEMAKER_BIND_TO_PORT", tmp=False) as url:
        rows = {"dataframe_records": [{"name": "a", "weight": 2.5, "count": 3}]}
        answer = httpx.post(f"{url}/invocations", json=rows)
        port = url.rpartition(":")[2]
        ready = image.root.run(program, *arguments, SAGEMAKER_BIND_TO_PORT=port)
    assert answer.json() == {"predictions": [{"0": 7.5}]}
    assert ready.code == 0, ready
    over = image.root.run(program, *arguments, SAGEMAKER_BIND_TO_PORT=port)
    assert over.code == 1, over


def test_a_user_whom_nobody_knows_may_predict(image):
    (image.root.folder / "rows.csv").write_text(ROWS)
    ran = image.root.run("predict", "-i", "/rows.csv", user="123456:0")
    assert ran.code == 0, ran
    assert [row["prediction"] for row in csv.DictReader(io.StringIO(ran.out))] == ANSWERS


def test_it_shows_the_seal(image):
    ran = image.root.run("show", "--json")
    assert json.loads(ran.out)["digest"] == image.model.digest


def test_what_was_changed_inside_is_found(image):
    module = image.root.folder / place_of(ENVIRONMENT, SEALED).site_packages[1:] / "zipp/glob.py"
    content = module.read_bytes()
    module.write_bytes(content.replace(b"import", b"export"))
    os.utime(module, (0, 0))
    try:
        ran = image.root.run("verify", "--no-load", "--json")
    finally:
        module.write_bytes(content)
        os.utime(module, (0, 0))
    (found,) = (one for one in json.loads(ran.out)["checks"] if one["status"] == "mismatch")
    assert ran.code == 1
    assert found["name"] == "installed-files"
    assert "zipp/glob.py" in found["details"][0]


def test_another_patch_release_stands_in_and_is_said(image, small, tmp_path):
    major, minor, patch = SEALED.split(".")
    sealed = f"{major}.{minor}.{int(patch) + 1}"
    folder = small.copy(tmp_path / "model")
    reseal(folder, python=replace(image.model.seal.python, version=sealed))
    model = open_model(folder)
    spec = spec_of(model, None, offline=True, on_progress=silent)
    image.root.lay(store_entries(replace(image.contents, spec=spec), model))
    image.root.lay(_of_model(model, "holdfast/other"))

    ran = image.root.run("verify", "/holdfast/other", "--json", user="0:0")
    assert ran.code == 0, ran
    (python,) = (one for one in json.loads(ran.out)["checks"] if one["name"] == "python")
    assert python["status"] == "substitute"
    assert python["summary"] == f"cpython {SEALED} stands in for {sealed}"
    ran = image.root.run("verify", "/holdfast/other", "--strict")
    assert ran.code == 3
    assert f"has Python {SEALED}, not {sealed}" in ran.err


def test_a_lock_that_was_made_late_goes_along(image, small, tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "home"))
    folder = small.copy(tmp_path / "model")
    (folder / "pylock.toml").unlink()
    seal, _ = read_seal(folder)
    pinned = [f"{name}=={one.version}" for name, one in seal.distributions.items()]
    own = [f"./{wheel.path}" for wheel in seal.wheels]
    lines = [*(line for line in pinned if not line.startswith("small==")), *own]
    (folder / "requirements.txt").write_text("\n".join(lines))
    write_seal(folder, replace(seal, files=digest_folder(folder), lock="", grade=Grade.PINNED))
    model = open_model(folder)
    spec = spec_of(model, None, offline=False, on_progress=silent)
    image.root.lay(store_entries(replace(image.contents, spec=spec), model))
    image.root.lay(_of_model(model, "holdfast/pinned"))
    ran = image.root.run("verify", "/holdfast/pinned", "--no-load", "--json")
    assert ran.code == 0, ran
    receipt = json.loads(ran.out)
    assert receipt["environment"] == image.contents.key
    assert {one["name"]: one["status"] for one in receipt["checks"]}["packages"] == "unproven"


def test_an_environment_that_it_does_not_hold_is_refused(image, small, tmp_path):
    folder = small.copy(tmp_path / "model")
    reseal(folder, distributions={})
    image.root.lay(_of_model(open_model(folder), "holdfast/stranger"))
    ran = image.root.run("restore", "/holdfast/stranger")
    assert ran.code == 3
    assert "no such environment, and nothing can be added" in ran.err


def test_a_store_that_others_could_write_to_is_refused(image):
    home = image.root.folder / "holdfast/home"
    home.chmod(0o777)
    try:
        ran = image.root.run("verify", "--no-load")
    finally:
        home.chmod(0o755)
    assert ran.code == 3
    assert "can be written by somebody else" in ran.err


def test_pruning_leaves_what_the_image_brought(image):
    before = sorted((image.root.folder / "holdfast/home/store").rglob("*"))
    assert image.root.run("env", "prune", user="0:0").code == 0
    assert sorted((image.root.folder / "holdfast/home/store").rglob("*")) == before


def test_a_slim_environment_is_known_for_one(image):
    names = frozenset(package.chosen.name for package in image.contents.packages)
    spec = spec_of(image.model, names, offline=True, on_progress=silent)
    contents = replace(image.contents, spec=spec)
    slim = Slim(packages=len(names), bytes=1, whole_packages=len(names) + 1, whole_bytes=2)
    image.root.lay(store_entries(contents, image.model))
    image.root.lay(finding_entries(contents, image.model, slim, ["Pandas"]))

    variables = {"HOLDFAST_SLIM": "1", "HOLDFAST_SLIM_INCLUDE": "pandas"}
    ran = image.root.run("verify", "--no-load", "--json", **variables)
    assert ran.code == 0, ran
    assert json.loads(ran.out)["slim"]["whole_bytes"] == 2


def test_the_sealed_records_are_those_of_the_wheels(image):
    def read(name: str) -> str:
        raise AssertionError(f"the rows of {name} say something else than its RECORD")

    check_records(image.contents, read)


def test_a_package_that_was_sealed_otherwise_is_refused(image):
    records = {**image.contents.spec.records, "zipp": "0" * 64}
    contents = replace(image.contents, spec=replace(image.contents.spec, records=records))
    with pytest.raises(MismatchError, match="not as sealed: zipp"):
        check_records(contents, lambda _: "zipp/__init__.py,,\n")
