from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from base64 import urlsafe_b64encode

from holdfast.image.inside.frame import frame_entries
from kit import real_python


def test_it_is_a_virtual_environment_to_a_real_python(tmp_path):
    program = os.path.realpath(real_python())
    entries, _ = frame_entries(program, platform.python_version(), folder="venv")
    for entry in entries:
        path = tmp_path / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(entry.link) if entry.link else path.write_bytes(entry.content)
    question = "import site, sys; print(sys.prefix, sys.base_prefix, site.getsitepackages()[0])"
    for name in ("python", "python3", "python{}.{}".format(*sys.version_info)):
        python = str(tmp_path / "venv" / "bin" / name)
        said = subprocess.run(
            [python, "-I", "-c", question], capture_output=True, check=True, text=True
        ).stdout.split()
        assert said[0] == str(tmp_path / "venv")
        assert program.startswith(said[1])
        assert said[2].startswith(f"{tmp_path}/venv/lib/python")


def test_rows_are_of_files_alone():
    entries, rows = frame_entries("/usr/bin/python3.12", "3.12.1")
    (row,) = rows
    (settings,) = (entry for entry in entries if entry.content is not None)
    sha256 = hashlib.sha256(settings.content).digest()
    assert row == (
        "holdfast/environment/pyvenv.cfg",
        len(settings.content),
        urlsafe_b64encode(sha256).decode().rstrip("="),
    )
    assert {entry.path: entry.link for entry in entries if entry.link} == {
        "holdfast/environment/bin/python": "/usr/bin/python3.12",
        "holdfast/environment/bin/python3": "python",
        "holdfast/environment/bin/python3.12": "python",
        "holdfast/environment/lib64": "lib",
    }
