"""Pin what an image's gateway is made of: writes src/holdfast/image/inside/gateway.txt.

    python .ci/gateway.py

Every package that `holdfast serve` imports, less those that an image has no use for, for all
Pythons that Holdfast is for, with the sha256 of each wheel for Linux. Needs uv on PATH.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import tomli
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "src/holdfast/image/inside/gateway.txt"
# What they would bring, an image holds already.
LEFT_OUT = {"uv", "mlflow-skinny"}
# No whole MLflow here holds it back; the gateway reads locks as PEP 751 has them.
FURTHER = ["packaging>=26.1"]
OLDEST = 310
HEADER = """\
# The gateway's environment in an image: names, versions and the sha256 of wheels for Linux.
# Made by .ci/gateway.py; not to be edited.
"""


def roots() -> list[str]:
    """What Holdfast and its extra `serve` ask for, less what an image does without."""
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["serve"], *FURTHER]
    return [line for line in lines if canonicalize_name(Requirement(line).name) not in LEFT_OUT]


def resolved(lines: list[str]) -> list[dict[str, Any]]:
    """The tables of a PEP 751 lock of these requirements and of what they need."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.10"]
    command += ["--format", "pylock.toml", "--no-header", "--no-annotate", "-"]
    text = "".join(f"{line}\n" for line in lines)
    ran = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=True)
    return tomli.loads(ran.stdout)["packages"]


def is_for_linux(marker: str) -> bool:
    """Whether a marker holds on Linux with any Python."""
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    pythons = (
        {"python_full_version": f"3.{n}.0", "python_version": f"3.{n}"} for n in range(10, 15)
    )
    return not marker or any(Marker(marker).evaluate({**linux, **python}) for python in pythons)


def is_wanted(filename: str) -> bool:
    """Whether a wheel is for Linux, for a usual processor, and a CPython that Holdfast is for."""
    tags = parse_wheel_filename(filename)[3]
    return any(_fits(tag.interpreter, tag.abi, tag.platform) for tag in tags)


def _fits(interpreter: str, abi: str, platform: str) -> bool:
    linux = "linux" in platform and platform.endswith(("x86_64", "aarch64"))
    if not (platform == "any" or linux) or abi.endswith("t"):
        return False
    number = interpreter.removeprefix("cp")
    return interpreter in {"py3", "py2.py3"} or (
        number.isdecimal() and (abi == "abi3" or int(number) >= OLDEST)
    )


def line_of(package: dict[str, Any]) -> str:
    """A package's line: name, version, marker, hashes."""
    wheels = [one for one in package["wheels"] if is_wanted(one.get("name") or _name(one["url"]))]
    if not wheels:
        sys.exit(f"{package['name']} has no wheel for Linux")
    marker = f" ; {package['marker']}" if "marker" in package else ""
    hashes = sorted(one["hashes"]["sha256"] for one in wheels)
    pins = "".join(f" \\\n    --hash=sha256:{sha256}" for sha256 in hashes)
    return f"{package['name']}=={package['version']}{marker}{pins}\n"


def _name(url: str) -> str:
    return url.rpartition("/")[2]


if __name__ == "__main__":
    packages = sorted(resolved(roots()), key=lambda one: (one["name"], one["version"]))
    lines = [line_of(one) for one in packages if is_for_linux(one.get("marker", ""))]
    TARGET.write_text(HEADER + "".join(lines), encoding="utf-8")
