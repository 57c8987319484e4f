"""What `holdfast migrate` reads: conda's entries and names, pip's lines, and credentials."""

from __future__ import annotations

import sys
from dataclasses import replace
from zipfile import ZipFile

import pytest
import tomlkit

from holdfast.errors import InputError
from holdfast.migrate.built import Built, _read, differences
from holdfast.migrate.conda import read_environment
from holdfast.migrate.conda_names import index_name, not_on_an_index
from holdfast.migrate.conda_spec import read_spec
from holdfast.migrate.copied import copied
from holdfast.migrate.credentials import take_credentials
from holdfast.migrate.draft import _narrowed
from holdfast.migrate.mentions import mentions, needed_by_build
from holdfast.migrate.plan import Change
from holdfast.migrate.proof import try_imports
from holdfast.migrate.requirement_files import find_files, read_files
from holdfast.migrate.wanted import OWN, Wanted, pinned, project_name, read_index
from indexes import make_wheel


@pytest.mark.parametrize(
    ("entry", "exact", "specifier"),
    [
        ("numpy", "", ""),
        ("numpy=1.26", "", "==1.26.*"),
        ("numpy 1.26", "", "==1.26.*"),
        ("numpy=1.26.*", "", "==1.26.*"),
        ("numpy==1.26", "1.26", "==1.26"),
        ("numpy=1.26.4", "1.26.4", "==1.26.4"),
        ("numpy=1.26.4=py311h64a7726_0", "1.26.4", "==1.26.4"),
        ("numpy 1.26.4 py311_0", "1.26.4", "==1.26.4"),
        ("pytorch::pytorch=2.1=py3.11_cuda12.1*", "2.1", "==2.1"),
        ("numpy>=1.2,<2", "", "<2,>=1.2"),
        ("numpy >=1.2", "", ">=1.2"),
        ("numpy>=1.2.*", "", ">=1.2"),
        ("numpy~=1.2", "", "~=1.2"),
        ("numpy[version='>=1.2,<2']", "", "<2,>=1.2"),
        ("python-dateutil=2.9.0post0=py311_2", "2.9.0.post0", "==2.9.0.post0"),
        ("numpy 1.2|1.4", "", None),
    ],
)
def test_conda_words_for_versions(entry, exact, specifier):
    spec = read_spec(entry)
    assert spec is not None
    assert (spec.exact, spec.specifier()) == (exact, specifier)


def test_what_is_no_entry():
    assert read_spec("a b c d e") is None
    assert read_spec("") is None


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("pytorch", "torch"),
        ("msgpack-python", "msgpack"),
        ("py-xgboost-gpu", "xgboost"),
        ("tensorflow-base", "tensorflow"),
        ("opencv", "opencv-python"),
        ("ruamel_yaml", "ruamel.yaml"),
        ("typing_extensions", "typing-extensions"),
        ("scikit-learn", "scikit-learn"),
    ],
)
def test_conda_names(name, there):
    assert index_name(name) == there
    assert not_on_an_index(name) is None


@pytest.mark.parametrize(
    "name",
    ["_libgcc_mutex", "libgcc-ng", "ld_impl_linux-64", "mkl", "openblas", "tk", "python_abi",
     "setuptools", "xorg-libx11", "libxgboost", "aws-c-common", "zlib-ng", "tzdata"],
)  # fmt: skip
def test_what_wheels_bring(name):
    assert not_on_an_index(name) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [("cudatoolkit", "CUDA"), ("pytorch-cuda", "CUDA"), ("ffmpeg", "system"), ("r-base", "R and"),
     ("nodejs", "Node.js"), ("cpuonly", "CPUs only")],
)  # fmt: skip
def test_what_has_no_wheel_is_said(name, words):
    assert words in str(not_on_an_index(name))


@pytest.mark.parametrize("name", ["librosa", "libcst", "msgpack", "pandas", "tokenizers"])
def test_names_that_only_look_like_libraries(name):
    assert not_on_an_index(name) is None


def test_a_release_that_an_index_numbers_more_finely(tmp_path):
    path = tmp_path / "environment.yml"
    path.write_text("dependencies: [opencv=4.9.0, 'foo 1.2|1.4', python=3.12]\n")
    wanted = read_environment(path)
    assert wanted.requirements[OWN] == ("opencv-python==4.9.0.*", "foo")
    assert wanted.pins == {}
    assert wanted.python == "3.12"
    assert any("foo1.2|1.4" in note for note in wanted.notes)


def written(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt").replace("_in", ".in")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return {
        path.relative_to(folder).as_posix(): group for path, group in find_files(folder).items()
    }


def test_which_requirement_files_are_whose(tmp_path):
    groups = written(
        tmp_path,
        requirements_in="six\n",
        requirements_txt="six==1.16.0\n",
        requirements__prod_txt="",
        requirements__test_txt="",
    )
    (tmp_path / "dev-requirements.txt").touch()
    (tmp_path / "requirements-lock.txt").touch()
    groups = {p.relative_to(tmp_path).as_posix(): g for p, g in find_files(tmp_path).items()}
    assert groups == {
        "requirements.in": OWN,
        "requirements.txt": "lock",
        "requirements/prod.txt": OWN,
        "requirements/test.txt": "test",
        "dev-requirements.txt": "dev",
        "requirements-lock.txt": "lock",
    }


LINES = """
--index-url https://ada:s3cret@index.example/simple
--extra-index-url=https://${WHO}:${WHAT}@other.example/simple
-f ./wheels
--no-binary six
--only-binary=:all:
--pre
-e git+https://token@git.example/acme/tool.git@v1#egg=tool&subdirectory=py
-e .[gpu]
nameless @ https://files.example/nameless-1.0-py3-none-any.whl
requests[socks]==2.31.0 ; python_version < "3.14" --hash=sha256:00
six>=1 --global-option="--fast"
gone @ file:///croot/gone/work
"""


def test_lines_and_options_of_pip(tmp_path):
    (tmp_path / "requirements.txt").write_text(LINES)
    wanted = read_files(tmp_path, find_files(tmp_path))
    assert wanted.requirements[OWN] == (
        "tool @ git+https://git.example/acme/tool.git@v1#subdirectory=py",
        "nameless @ https://files.example/nameless-1.0-py3-none-any.whl",
        'requests[socks]==2.31.0 ; python_version < "3.14"',
        "six>=1",
        "gone",
    )
    assert [(one.name, one.url, one.kind) for one in wanted.indexes] == [
        ("index-example", "https://index.example/simple", "default"),
        ("other-example", "https://other.example/simple", "extra"),
        ("links-wheels", "wheels", "flat"),
    ]
    assert wanted.indexes[0].secrets == {
        "UV_INDEX_INDEX_EXAMPLE_USERNAME": "ada",
        "UV_INDEX_INDEX_EXAMPLE_PASSWORD": "s3cret",
    }
    # What stands for a secret is none, but the URL had one.
    assert (wanted.indexes[1].secrets, wanted.indexes[1].guarded) == ({}, True)
    assert wanted.settings == {
        "no-binary-package": ["six"],
        "no-build": True,
        "prerelease": "allow",
    }
    assert wanted.pins == {"requests": "2.31.0"}
    notes = "\n".join(wanted.notes)
    for piece in ("tool", "uv sync --extra gpu", "building six", "/croot/gone/work"):
        assert piece in notes
    assert "s3cret" not in repr(wanted)
    assert "token" not in repr(wanted)


def test_files_that_include_each_other_are_read(tmp_path):
    (tmp_path / "requirements.txt").write_text("-r requirements-dev.txt\n")
    (tmp_path / "requirements-dev.txt").write_text("six\n-c gone.txt\n")
    with pytest.raises(InputError, match=r"gone\.txt"):
        read_files(tmp_path, find_files(tmp_path))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (">=3.8", ">=3.10"),
        (">=3.8,<4", ">=3.10,<4"),
        ("~=3.9", ">=3.10,<4"),
        (">=3.8,!=3.11.1", ">=3.10,!=3.11.1"),
        (">=3.11", ">=3.11"),
        ("<4", ">=3.10,<4"),
    ],
)
def test_pythons_that_are_too_old_for_holdfast(before, after):
    assert _narrowed(before) == after


def test_credentials_leave_every_table_that_uv_reads():
    document = tomlkit.parse("""
[project]
dependencies = ["a @ https://ada:s3cret@files.example/a.whl", "six"]
[tool.uv.sources]
b = { git = "https://t0ken@git.example/b.git" }
[[tool.uv.index]]
url = "https://ada:s3cret@index.example/simple"
[tool.other]
url = "https://ada:s3cret@other.example"
""")
    notes = take_credentials(document)
    assert len(notes) == 3
    text = tomlkit.dumps(document)
    assert "t0ken" not in text
    assert text.count("s3cret") == 1  # another tool's is another tool's
    assert "s3cret" not in "".join(notes)


def test_a_diff_shows_no_credentials():
    change = Change(
        path="pyproject.toml", before='url = "https://ada:s3cret@index.example"\n', after="\n"
    )
    assert "s3cret" not in "\n".join(change.diff())
    assert "index.example" in "\n".join(change.diff())


def test_who_still_names_a_file(tmp_path):
    (tmp_path / "setup.py").write_text("open('requirements.txt')\n")
    (tmp_path / "Makefile").write_text("all:\n\tpip install -r requirements-dev.txt\n")
    names = ("requirements.txt", "requirements-dev.txt")
    assert needed_by_build(tmp_path, names) == {"requirements.txt"}
    assert list(mentions(tmp_path, names)) == [
        "Makefile, line 2, names requirements-dev.txt: `uv sync --locked` takes its place"
    ]


def test_both_of_two():
    both = Wanted(pins={"a": "1"}, python="3.11") + Wanted(pins={"a": "2", "b": "3"}, python="3.12")
    assert (both.pins, both.python) == ({"a": "1", "b": "3"}, "3.11")
    twice = read_index("https://index.example/a", "extra")
    assert (Wanted(indexes=(twice,)) + Wanted(indexes=(twice,))).indexes == (twice,)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("A_b==1.0", ("a-b", "1.0")),
        ("a==1.*", None),
        ("a>=1", None),
        ("a==1,!=2", ("a", "1")),
        ("a @ https://files.example/a.whl", None),
        ("not a line", None),
    ],
)
def test_pins(line, found):
    assert pinned(line) == found


def test_names_of_folders():
    assert project_name("My Model (2)") == "my-model-2"
    assert project_name("模型") == "project"


def test_what_another_build_has_otherwise():
    before = Built(
        name="a", requires=("six<2.0", "toml"), extras={"cli": ("click",)}, requires_python="",
        fields=frozenset(), entry_points="[console_scripts]\na = a:main\n",
        files=frozenset(("a/__init__.py", "a/data.csv")),
    )  # fmt: skip
    assert differences(before, replace(before, requires=("six<2", "toml"))) == []
    after = replace(
        before, requires=("six",), extras={}, entry_points="", files=frozenset(("a/__init__.py",))
    )
    assert differences(before, after) == [
        "its wheel had the files a/data.csv",
        "its wheel had the requirements toml",
        "its wheel had the extras cli",
        "its wheel has other entry points",
    ]


def test_a_wheel_is_read_as_its_metadata_has_it(tmp_path):
    path = make_wheel(
        tmp_path, {"mine.py": ""},
        requires=["six>=1", 'click ; extra == "cli"',
                  'toml ; (python_version < "3.11") and extra == "cli"'],
        extras=["cli"],
    )  # fmt: skip
    with ZipFile(path) as wheel:
        built = _read(wheel)
    assert built.requires == ("six>=1",)
    assert built.extras == {"cli": ("click", 'toml ; python_version < "3.11"')}
    assert built.files == {"mine.py"}


def test_a_copy_leaves_out_what_can_be_made_again(tmp_path):
    folder = tmp_path / "project"
    for path in (
        "train.py", "src/build/here.py", "build/lib/old.py", ".git/config", ".venv/pyvenv.cfg",
        "mlruns/0/meta.yaml", ".github/workflows/ci.yml",
    ):  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    (tmp_path / "beside.txt").write_text("seen")
    with copied(folder) as copy:
        there = {one.relative_to(copy).as_posix() for one in copy.rglob("*") if one.is_file()}
        assert there == {"train.py", "src/build/here.py", ".github/workflows/ci.yml"}
        assert (copy / ".." / "beside.txt").read_text() == "seen"
    assert not copy.exists()


def test_an_interpreter_that_ends_loses_nothing_of_the_others(tmp_path, monkeypatch):
    packages = tmp_path / "venv" / "lib"
    packages.mkdir(parents=True)
    (packages / "ends.py").write_text("import os\nos._exit(3)\n")
    (packages / "talks.py").write_text("print('hello')\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={packages} exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    results = try_imports(python, ["talks", "ends", "gone", "json"])
    assert results == {
        "talks": "",
        "ends": "the interpreter ended",
        "gone": "ModuleNotFoundError: No module named 'gone'",
        "json": "",
    }
