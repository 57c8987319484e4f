"""Bases for images, made at test time: a root file system with a real Python, nothing downloaded.

The quick one holds a CPython of this machine with the shared libraries that it and most wheels
load. It runs: tests unpack and enter images that stand on it. Debian's come from its packages, for
any architecture, unpacked and no more.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import shutil
import ssl
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from kit import made_once, real_python

# What no image needs of a standard library; tkinter would bring all of X11.
_LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip",
             "site-packages", "dist-packages", "__pycache__"}  # fmt: skip
# What manylinux lets wheels expect (PEP 600), as bases for C++ bring it, and names by DNS.
_EXPECTED = ("libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1", "libdl.so.2", "libpthread.so.0",
             "librt.so.1", "libutil.so.1", "libresolv.so.2", "libnss_files.so.2",
             "libnss_dns.so.2")  # fmt: skip
_LOADED = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)
_ASKED = (
    "import json, sys, sysconfig;"
    "print(json.dumps([sysconfig.get_path('stdlib'), '%d.%d' % sys.version_info[:2]]))"
)
_PASSWD = (
    b"root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
)
_GROUP = b"root:x:0:\nnogroup:x:65534:\n"
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_DEBIAN = "bookworm"
_DEBIAN_PACKAGES = "python3.11,libpython3.11-stdlib,libgomp1,libstdc++6,libc6"
_MMDEBSTRAP = shutil.which("mmdebstrap") or ""
needs_mmdebstrap = pytest.mark.skipif(not _MMDEBSTRAP, reason="mmdebstrap is not installed")
_FOLDERS = ("dev", "etc", "home", "proc", "root", "run", "sys", "var/tmp")
_MERGED = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}


class RootFiles:
    """A root file system tar in the making: one owner, one time, sorted when it is written."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[tarfile.TarInfo, bytes | Path]] = {}

    def file(self, path: str, content: bytes | Path, mode: int = 0o644) -> None:
        info = self._add(path, tarfile.REGTYPE, mode, content)
        info.size = len(content) if isinstance(content, bytes) else content.stat().st_size

    def link(self, path: str, target: str) -> None:
        self._add(path, tarfile.SYMTYPE, 0o777).linkname = target

    def folder(self, path: str, mode: int = 0o755) -> None:
        self._add(path, tarfile.DIRTYPE, mode)

    def write(self, path: Path) -> Path:
        """The tar; whoever sees it under its name sees all of it."""
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        with tarfile.open(unfinished, "w", format=tarfile.GNU_FORMAT) as tar:
            for _, (info, content) in sorted(self._members.items()):
                if not info.isreg():
                    tar.addfile(info)
                elif isinstance(content, bytes):
                    tar.addfile(info, io.BytesIO(content))
                else:
                    with content.open("rb") as source:
                        tar.addfile(info, source)
        return unfinished.replace(path)

    def _add(
        self, path: str, kind: bytes, mode: int, content: bytes | Path = b""
    ) -> tarfile.TarInfo:
        for parent in PurePosixPath(path).parents:
            if parent.name and str(parent) not in self._members:
                self.folder(str(parent))
        info = tarfile.TarInfo(path)
        info.type, info.mode = kind, mode
        self._members[path] = (info, content)
        return info


def make_quick_base(path: Path, python: str = "", *, without: Iterable[str] = ()) -> Path:
    """A root file system tar at `path`, with a real Python at /usr/local/bin/python3.X.

    Args:
        path: Where it is written: plain tar, the same bytes each time on one machine.
        python: Which CPython of this machine, "3.12"; the one tests run on where it is "".
        without: Names of shared libraries to leave out, for who tests what is missed.
    """
    program = Path(real_python(python))
    answer = subprocess.run([program, "-I", "-c", _ASKED], capture_output=True, check=True)
    library, minor = json.loads(answer.stdout)
    root = RootFiles()
    programs = [program.resolve()]
    root.file(f"usr/local/bin/python{minor}", programs[0], 0o755)
    root.link("usr/local/bin/python3", f"python{minor}")
    for source in _standard_library(Path(library)):
        root.file(f"usr/local/lib/python{minor}/{source.relative_to(library)}", source)
        programs += [source] if source.suffix == ".so" else []
    root.folder(f"usr/local/lib/python{minor}/site-packages")
    for library_path in _shared_libraries(programs):
        if library_path.name not in set(without):
            root.file(_place(library_path, programs[0]), library_path, 0o755)
    _furnish(root)
    return root.write(path)


def make_debian_base(path: Path, architecture: str = "arm64") -> Path:
    """A root file system tar at `path`: Debian 12's Python 3.11, at /usr/bin/python3.11.

    Its packages are unpacked and not configured, so that nothing of another architecture is run.
    """
    scratch = path.with_name(f"{path.name}.unpacking")
    scratch.mkdir()
    subprocess.run(
        [_MMDEBSTRAP, "--quiet", "--variant=extract", f"--architectures={architecture}",
         f"--include={_DEBIAN_PACKAGES}", _DEBIAN, scratch / "packages.tar"],
        env=os.environ | {"TMPDIR": str(scratch), "SOURCE_DATE_EPOCH": "0"},
        check=True,
    )  # fmt: skip
    with tarfile.open(scratch / "packages.tar", "a") as tar:
        for name, content in (("etc/passwd", _PASSWD), ("etc/group", _GROUP)):
            _append(tar, f"./{name}", content)
        _append(tar, f"./{_CERTIFICATES}", _certificates().read_bytes())
    (scratch / "packages.tar").replace(path)
    shutil.rmtree(scratch)
    return path


def _append(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _certificates() -> Path:
    named = ssl.get_default_verify_paths().cafile or f"/{_CERTIFICATES}"
    return Path(named).resolve()


def _standard_library(folder: Path) -> Iterator[Path]:
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_left_out(name)]
        for name in files:
            if not name.startswith("_tkinter") and not name.endswith((".a", ".o")):
                yield Path(top, name)


def _is_left_out(name: str) -> bool:
    return name in _LEFT_OUT or name.startswith("config-")


def _shared_libraries(programs: list[Path]) -> set[Path]:
    """What the loader takes for them on this machine, itself included."""
    said = subprocess.run(  # what no loader takes, a script say, is passed over
        [shutil.which("ldd") or "ldd", *programs], capture_output=True, text=True, check=False
    )
    found = {Path(path) for path in _LOADED.findall(said.stdout)}
    system = next(path.parent for path in found if path.name.startswith("libc.so"))
    expected = (system / name for name in _EXPECTED)
    return found | {path for path in expected if path.exists()}


def _place(library: Path, program: Path) -> str:
    """Where it stands in the base: as here, /usr merged; libpython where the loader looks."""
    if library.is_relative_to(program.parents[1]) and not library.is_relative_to("/usr/lib"):
        libc = next(path for path in _shared_libraries([program]) if path.name.startswith("libc."))
        library = libc.with_name(library.name)
    place = str(library.parent.resolve() / library.name).lstrip("/")
    return place if place.startswith("usr/") else f"usr/{place}"


def _furnish(root: RootFiles) -> None:
    """What is no Python: accounts, certificates, folders."""
    for path, target in _MERGED.items():
        root.folder(target)
        root.link(path, target)
    for path in _FOLDERS:
        root.folder(path)
    root.folder("tmp", 0o1777)
    root.file("etc/passwd", _PASSWD)
    root.file("etc/group", _GROUP)
    root.file("etc/nsswitch.conf", b"hosts: files dns\n")
    root.file(
        "etc/os-release", f'ID=quick\nPRETTY_NAME="{platform.machine()} for tests"\n'.encode()
    )
    root.file(_CERTIFICATES, _certificates())
    root.link("usr/lib/ssl/cert.pem", f"/{_CERTIFICATES}")


@pytest.fixture(scope="session")
def quick_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick base on the Python that tests run on, made once for all of xdist's processes."""
    folder = made_once(
        tmp_path_factory.getbasetemp(),
        "quick-base",
        lambda folder: make_quick_base(folder / "base.tar"),
    )
    return folder / "base.tar"


@pytest.fixture(scope="session")
def arm64_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian's Python for arm64; for tests marked `needs_mmdebstrap`, and `slow`: it downloads."""
    folder = made_once(
        tmp_path_factory.getbasetemp(),
        "arm64-base",
        lambda folder: make_debian_base(folder / "base.tar"),
    )
    return folder / "base.tar"
