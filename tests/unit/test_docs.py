"""The documents name what is there."""

from __future__ import annotations

import re

from holdfast.cli.serve import command
from kit import REPOSITORY

SERVING = REPOSITORY / "docs" / "serving.md"


def test_every_test_that_the_threats_name_is_there():
    named = set(re.findall(r"`(test_\w+)`", (REPOSITORY / "docs" / "threats.md").read_text()))
    there = {
        name
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 30
    assert named <= there, named - there


def test_every_option_of_serve_is_documented_and_no_other():
    tables = "".join(
        line for line in SERVING.read_text().splitlines(keepends=True) if line.startswith("| `--")
    )
    options = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}
    flags = {flag for flag in options if flag.startswith("--")}
    assert set(re.findall(r"`(--[a-z-]+)`", tables)) == flags


def test_every_variable_of_serve_is_named_after_its_option():
    named = {one.opts[0]: one.envvar for one in command.params if one.envvar}
    # SageMaker has a name for the port; ours comes after it.
    ours = {flag: name if isinstance(name, str) else name[-1] for flag, name in named.items()}
    own = {flag: name for flag, name in ours.items() if name.startswith("HOLDFAST_SERVE_")}
    assert len(own) > 30
    for flag, name in own.items():
        assert name == "HOLDFAST_SERVE_" + flag.removeprefix("--").replace("-", "_").upper()


def test_every_metric_is_documented():
    files = (REPOSITORY / "src" / "holdfast" / "serve").rglob("*.py")
    names = {
        name
        for file in files
        for name in re.findall(r'\(\s*"(holdfast_[a-z_]+)",', file.read_text())
    }
    assert len(names) > 10
    documented = SERVING.read_text()
    assert not [name for name in names if name not in documented]
