"""An image runs wherever it is run: as others unpack it, read only, as nobody, as sealed."""

from __future__ import annotations

import json
import shutil

import pytest

from bundles import Unpacked, runc_works
from containers import alone, needs_programs, run_in
from images import Made, answered, answers_as_sealed, golden

pytestmark = needs_programs

_WRITABLE = """
import os
print(os.getuid(), os.getgid(), os.getgroups())
for folder, _, _ in os.walk("/"):
    if not folder.startswith(("/proc", "/sys", "/dev")) and os.access(folder, os.W_OK):
        print(folder)
"""


@pytest.fixture
def contained(small_image) -> Made:
    """The small model's image, where it can have a network of its own."""
    if not runc_works(small_image.files):
        pytest.skip("runc may not make networks here")
    return small_image


def test_its_own_command_serves(contained):
    request, answers = golden(contained.model)
    with alone(contained.files) as container:
        assert container.ask(8000, "/ping")
        assert answered(json.loads(container.ask(8000, "/invocations", request))) == answers
        kind, *command = contained.files.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        assert container.execute(*command).code == 0
        assert container.stop() == 0, container.said


def test_sagemaker_finds_it_where_it_looks(contained):
    with alone(contained.files, "serve") as container:
        assert container.ask(8080, "/ping")


def test_its_user_may_write_nothing_but_tmp(small_image):
    image = small_image.files
    ran = run_in(image, image.python, "-c", _WRITABLE, read_only=False, writable_tmp=False)
    assert ran.out.splitlines()[0] == "65532 65532 []", ran
    assert set(ran.out.splitlines()[1:]) <= {"/tmp", "/var/tmp"}  # noqa: S108 - the image's


def test_it_runs_as_whoever_a_cluster_says_without_a_folder_to_write_to(contained):
    answers_as_sealed(contained, user="1000660000:0", writable_tmp=False)


def test_verify_inside_says_what_verify_says_here(small_image, small, tmp_path):
    ran = run_in(small_image.files, "verify", "--json")
    assert ran.code == 0, ran
    inside, here = json.loads(ran.out), small.holdfast(tmp_path).receipt(small.model)
    assert inside["matches"]
    assert inside["seal"] == here["seal"]
    of_each = [{one["name"]: one["status"] for one in it["checks"]} for it in (inside, here)]
    assert of_each[0] == of_each[1]


def test_a_changed_file_is_found_inside(small_image, tmp_path):
    shutil.copytree(small_image.files.bundle, tmp_path / "bundle", symlinks=True)
    image = Unpacked(tmp_path / "bundle")
    next(
        image.files.glob("holdfast/environment/lib/*/site-packages/pandas/__init__.py")
    ).write_text("# not as sealed\n")
    ran = run_in(image, "verify", "--json")
    assert ran.code == 1, ran
    checks = {one["name"]: one["status"] for one in json.loads(ran.out)["checks"]}
    assert checks["installed-files"] == "mismatch"
    assert checks["model-files"] == "match"


@pytest.mark.parametrize("model", ["numbers", pytest.param("trees", marks=pytest.mark.slow)])
def test_sklearn_and_lightgbm_answer_as_sealed(model, served, workshop):
    answers_as_sealed(workshop.once(model, served.model(model)))
