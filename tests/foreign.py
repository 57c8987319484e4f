"""Images of another machine, run by qemu: in a user namespace that has its own list of programs.

Nothing is registered with the machine itself. Linux has such lists from 6.7; a machine that runs
the programs anyway needs none.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from bundles import Unpacked
from kit import Ran, run, surroundings

_QEMU = shutil.which("qemu-aarch64-static") or ""
_REGISTERED = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
# arg 1: an empty folder; 2: qemu; 3: the root; then what runs there, as root of the namespace.
_ENTER = r"""
import ctypes, os, sys
folder, qemu, root, *command = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUSER, BIND, REC = 0x20000, 0x10000000, 4096, 16384
ARM64 = rb"\x7fELF\x02\x01\x01" + rb"\x00" * 9 + rb"\x02\x00\xb7\x00"
MASK = rb"\xff" * 7 + rb"\x00" + rb"\xff" * 8 + rb"\xfe\xff\xff\xff"

def need(done):
    if done != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def mount(source, target, kind=None, flags=0):
    need(libc.mount(source.encode(), target.encode(), kind and kind.encode(), flags, None))

(ready, is_ready), (mapped, is_mapped) = os.pipe(), os.pipe()
child = os.fork()
if child:
    os.close(is_ready)
    if os.read(ready, 1):
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{name}", "w") as file:
                file.write("0 0 65536")
        os.write(is_mapped, b".")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
need(libc.unshare(NEWUSER | NEWNS))
os.write(is_ready, b".")
os.read(mapped, 1)
if qemu:
    mount("binfmt_misc", folder, "binfmt_misc")
    with open(folder + "/register", "wb", buffering=0) as file:
        file.write(b":arm64:M::" + ARM64 + b":" + MASK + b":" + qemu.encode() + b":F")
for name in ("/dev", "/proc"):
    mount(name, root + name, None, BIND | REC)
os.execvp(command[0], command)
"""


def _runs() -> bool:
    if _REGISTERED.exists():
        return True
    if not _QEMU:
        return False
    with tempfile.TemporaryDirectory() as root:
        return _entered(Path(root), "true").code == 0


def _entered(root: Path, *command: str) -> Ran:
    for name in ("dev", "proc"):
        (root / name).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        qemu = "" if _REGISTERED.exists() else _QEMU
        given = [folder, qemu, str(root), *command]
        return run(
            [sys.executable, "-c", _ENTER, *given], cwd=root, env=surroundings(), timeout=1500
        )


needs_qemu = pytest.mark.skipif(not _runs(), reason="programs for arm64 cannot be run here")


def run_foreign(image: Unpacked, *command: str) -> Ran:
    """Run `command`, arguments of the image's entry point, in an arm64 image, as its user."""
    config = image.config
    inside = ["chroot", f"--userspec={config['User']}", "--groups=", str(image.files)]
    entry = (*config["Entrypoint"], *command)
    return _entered(image.files, "env", "-i", *config["Env"], *inside, *entry)
