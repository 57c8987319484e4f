"""The folder that a Dockerfile is built in: what is sealed, checked, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import stat
from dataclasses import replace

import pytest

from holdfast.environment.archive import check_wheel
from holdfast.errors import InputError, MismatchError
from holdfast.image.texts.context import write_dockerfile
from holdfast.image.texts.own_wheel import write_own_wheel
from holdfast.image.texts.recipe import read_recipe
from holdfast.mlflow_store import RegisteredVersion
from holdfast.model import open_model
from holdfast.progress import silent
from holdfast.restore.findings import Finding, read_finding
from holdfast.restore.restored import Slim, spec_of
from holdfast.seal.digest import digest_folder
from kit import REPOSITORY
from small import reseal

KEPT = REPOSITORY / "tests" / "compat" / "0.1.0"
SLIM = Finding(
    key="0" * 40,
    names=frozenset({"numpy", "pandas"}),
    slim=Slim(packages=2, bytes=1, whole_packages=50, whole_bytes=9, included=("pandas",)),
)


@pytest.fixture
def model(tmp_path):
    return open_model(shutil.copytree(KEPT, tmp_path / "kept"))


def _lines(dockerfile, *beginnings):
    text = dockerfile.read_text()
    return [line for line in text.splitlines() if line.startswith(beginnings)]


def test_the_context_holds_the_model_as_it_was_sealed(model, tmp_path):
    os.umask(umask := os.umask(0o077))
    written = write_dockerfile(model, tmp_path / "out")
    os.umask(umask)
    copy = open_model(tmp_path / "out" / "model")
    copy.check_files()
    assert copy.digest == model.digest
    assert {path.name for path in written.parent.iterdir()} == {
        "Dockerfile", "environment", "gateway", "model"
    }  # fmt: skip
    for path in (tmp_path / "out").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_the_same_model_gives_the_same_context(model, tmp_path):
    write_dockerfile(model, tmp_path / "one")
    write_dockerfile(model, tmp_path / "deep" / "two")
    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "deep" / "two")
    assert str(tmp_path) not in (tmp_path / "one" / "Dockerfile").read_text()


def test_what_was_written_before_is_replaced_and_nothing_else(model, tmp_path):
    out = tmp_path / "out"
    write_dockerfile(model, out, slim=SLIM)
    write_dockerfile(model, out)
    assert not (out / "slim.json").exists()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        write_dockerfile(model, out)
    other = tmp_path / "other"
    other.mkdir()
    (other / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(InputError, match="something else"):
        write_dockerfile(model, other)
    assert (other / "Dockerfile").read_text() == "FROM scratch\n"
    assert (out / "notes.txt").read_text() == "mine"


def test_another_model_of_the_same_lock_changes_the_model_alone(model, tmp_path):
    write_dockerfile(model, tmp_path / "one")
    (model.path / "model.py").write_text("# another\n")
    reseal(model.path)
    write_dockerfile(open_model(model.path), tmp_path / "two")
    one, two = digest_folder(tmp_path / "one"), digest_folder(tmp_path / "two")
    changed = {path for path in one | two if one.get(path) != two.get(path)}
    assert changed == {"Dockerfile", "model/holdfast/seal.json", "model/model.py"}
    lines = [
        set((tmp_path / name / "Dockerfile").read_text().splitlines()) for name in ("one", "two")
    ]
    assert all("dev.holdfast.seal" in line for line in lines[0] ^ lines[1])


def test_the_recipe_asks_a_store_for_what_the_seal_asks_it_for(model, tmp_path):
    """With the same digest, so that the image's server finds what the build restored."""
    for slim, only in ((None, None), (SLIM, SLIM.names)):
        write_dockerfile(model, tmp_path / "out", slim=slim)
        asked = spec_of(model, only, offline=True, on_progress=silent)
        recipe = read_recipe(tmp_path / "out" / "environment")
        assert recipe.digest() == asked.digest()
        assert replace(recipe, folder=asked.folder) == asked
        for wheel in model.seal.wheels:
            assert (recipe.folder / wheel.path).is_file()


def test_a_slim_environment_is_noted(model, tmp_path):
    written = write_dockerfile(model, tmp_path / "out", slim=SLIM)
    assert read_finding(tmp_path / "out" / "slim.json") == SLIM
    text = written.read_text()
    assert 'HOLDFAST_SLIM="1"' in text
    assert 'HOLDFAST_SLIM_INCLUDE="pandas"' in text
    assert "COPY --from=slim /holdfast/home /holdfast/home" in text


def test_a_folder_that_holds_no_recipe_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no environment"):
        read_recipe(tmp_path)


def test_a_model_that_was_changed_is_not_copied(model, tmp_path):
    (model.path / "model.py").write_text("import os\n")
    with pytest.raises(MismatchError, match=r"changed model\.py"):
        write_dockerfile(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_model_is_not_followed_into_a_context(model, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    (model.path / "model.py").unlink()
    (model.path / "model.py").symlink_to(secret)
    with pytest.raises(InputError, match="goes through a link"):
        write_dockerfile(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_file_that_was_added_gets_into_a_context(model, tmp_path):
    (model.path / "sitecustomize.py").write_text("import os\n")
    write_dockerfile(model, tmp_path / "out")
    assert not (tmp_path / "out" / "model" / "sitecustomize.py").exists()


HARM = [
    "x\nRUN touch /harm",
    "x\r\nUSER 0",
    "x\x85RUN y",
    "x\u2028RUN y",
    "a" * 5000,
]


@pytest.mark.parametrize("words", HARM)
def test_a_models_words_that_would_be_instructions_are_refused(model, tmp_path, words):
    named = replace(model, registered=RegisteredVersion(name=words, version="1", seal=""))
    with pytest.raises(InputError, match="no single line"):
        write_dockerfile(named, tmp_path / "out")
    project = replace(model.seal.project, name=words)
    with pytest.raises(InputError, match="no single line"):
        write_dockerfile(replace(model, seal=replace(model.seal, project=project)), tmp_path / "o")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["3.11\nRUN x", "3.11 --index x", "--help", "../3.1", "3.x.1"])
def test_a_python_that_is_none_is_refused(model, tmp_path, version):
    python = replace(model.seal.python, version=version)
    odd = replace(model, seal=replace(model.seal, python=python))
    with pytest.raises(InputError):
        write_dockerfile(odd, tmp_path / "out")


@pytest.mark.parametrize(
    "base", ["x\nRUN y", "x AS y", "$(id)", "-x", "x:1 # y", "./base.tar", "Base", "x@sha256:1 y"]
)
def test_a_base_that_is_no_reference_is_refused(model, tmp_path, base):
    with pytest.raises(InputError, match="takes an image of a registry"):
        write_dockerfile(model, tmp_path / "out", base=base)


def test_a_base_is_the_arguments_default(model, tmp_path):
    base = "registry.example:5000/team/python:3.11@sha256:" + "a" * 64
    written = write_dockerfile(model, tmp_path / "out", base=base)
    assert f"ARG BASE={base}" in written.read_text().splitlines()
    assert _lines(written, "FROM")[-1] == "FROM ${BASE}"


def test_no_registry_is_named_and_no_shell_needed(model, tmp_path):
    written = write_dockerfile(model, tmp_path / "out")
    instructions = re.sub(r"\\\n\s*", "", written.read_text()).splitlines()
    assert [line for line in instructions if line.startswith("FROM ")] == [
        "FROM ${UV} AS uv",
        "FROM ${BASE} AS gateway",
        "FROM gateway AS environment",
        "FROM ${BASE}",
    ]
    for line in instructions:
        if line.startswith(("RUN ", "ENTRYPOINT ", "CMD ", "HEALTHCHECK ")):
            assert line.endswith('"]'), line
    assert instructions[-1] == "COPY model/ /holdfast/model/", "the model comes last"
    assert "USER 65532:65532" in instructions


def test_our_own_wheel_is_strictly_a_wheel(tmp_path):
    (tmp_path / "again").mkdir()
    wheel = write_own_wheel(tmp_path)
    check_wheel(wheel)
    assert write_own_wheel(tmp_path / "again").read_bytes() == wheel.read_bytes()
