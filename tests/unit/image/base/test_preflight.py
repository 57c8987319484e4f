"""What a preflight finds, on bases and wheels made of real libraries."""

import io
import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from bases import make_quick_base
from holdfast.environment.python import read_facts
from holdfast.errors import InputError
from holdfast.image.base.elf import read_elf
from holdfast.image.base.needs import code_in
from holdfast.image.base.open import Base, open_base
from holdfast.image.base.preflight import Preflight, preflight
from holdfast.image.values import Platform
from holdfast.seal.seal import SealedPython
from kit import real_python

PLATFORM = Platform("amd64")
SSL = Path(str(find_spec("_ssl").origin))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> SealedPython:
    """The Python that tests run on, as a seal would name it."""
    facts = read_facts(Path(real_python()), tmp_path_factory.mktemp("facts"))
    return _sealed(facts["version"], facts["abi"])


def _sealed(version: str, abi: str) -> SealedPython:
    return SealedPython(
        implementation="cpython", version=version, abi=abi, libc="", platform="", build=""
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def base(quick_base: Path, kept: Path) -> Base:
    return open_base(str(quick_base), PLATFORM, kept=kept)


@pytest.fixture(scope="module")
def bare_base(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Base:
    """Without OpenSSL's libraries."""
    path = tmp_path_factory.mktemp("bare") / "base.tar"
    make_quick_base(path, without=["libssl.so.3", "libssl.so.1.1"])
    return open_base(str(path), PLATFORM, kept=kept)


def _wheel(folder: Path, name: str, files: dict[str, bytes], tag: str = "py3-none-any") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, content in files.items():
            archive.writestr(inside, content)
    return path


def _looked(base: Base, sealed: SealedPython, kept: Path, **wheels: Path) -> Preflight:
    return preflight(base, base.python(sealed.version), [wheels], sealed, kept=kept)


def test_what_will_start_has_no_problem(base, sealed, kept, tmp_path):
    wheel = _wheel(tmp_path, "tls", {"tls/_ssl.so": SSL.read_bytes(), "tls/__init__.py": b""})
    found = _looked(base, sealed, kept, tls=wheel)
    assert found == Preflight(problems=(), notes=())
    found.refuse()


def test_a_library_that_is_not_there_is_named_with_who_asks(bare_base, sealed, kept, tmp_path):
    wheel = _wheel(tmp_path, "tls", {"tls/_ssl.so": SSL.read_bytes()})
    found = _looked(bare_base, sealed, kept, tls=wheel)
    assert len(found.problems) == 1
    assert "libssl.so" in found.problems[0]
    assert "tls asks for it: tls/_ssl.so" in found.problems[0]
    with pytest.raises(InputError, match=r"libssl\.so") as refused:
        found.refuse()
    assert refused.value.exit_code == 2


def test_a_library_that_another_wheel_brings_is_there(bare_base, sealed, kept, tmp_path):
    tls = _wheel(tmp_path, "tls", {"tls/_ssl.so": SSL.read_bytes()})
    name = next(name for name in _needs(tls, kept) if name.startswith("libssl"))
    libs = _wheel(tmp_path, "libs", {f"libs/{name}": _library(name).read_bytes()})
    assert _looked(bare_base, sealed, kept, tls=tls, libs=libs).problems == ()


def test_a_library_in_the_other_environment_is_not(bare_base, sealed, kept, tmp_path):
    tls = _wheel(tmp_path, "tls", {"tls/_ssl.so": SSL.read_bytes()})
    name = next(name for name in _needs(tls, kept) if name.startswith("libssl"))
    libs = _wheel(tmp_path, "libs", {f"libs/{name}": _library(name).read_bytes()})
    environments = [{"tls": tls}, {"libs": libs}]
    python = bare_base.python(sealed.version)
    found = preflight(bare_base, python, environments, sealed, kept=kept)
    assert [problem.partition(" ")[0] for problem in found.problems] == [name]


def test_a_plugin_that_is_only_tried_is_a_note(bare_base, sealed, kept, tmp_path):
    wheel = _wheel(tmp_path, "tls", {"tls/plugins/_ssl.so": SSL.read_bytes()})
    found = _looked(bare_base, sealed, kept, tls=wheel)
    assert found.problems == ()
    assert "libssl" in found.notes[0]


def test_what_the_driver_of_the_host_brings_is_a_note(base, sealed, kept, tmp_path):
    # Names of one length stand in the place of each other.
    content = SSL.read_bytes().replace(b"libssl.so.3\0", b"libcuda.so\0\0")
    if b"libcuda.so\0" not in content:
        pytest.skip("this Python's OpenSSL is another one")
    found = _looked(base, sealed, kept, gpu=_wheel(tmp_path, "gpu", {"gpu/_c.so": content}))
    assert found.problems == ()
    assert "the NVIDIA driver" in found.notes[0]


def test_a_libc_that_is_too_old_for_the_code_is_a_problem(base, sealed, kept, tmp_path):
    asked = read_elf(io.BytesIO(SSL.read_bytes())).requires["libc.so.6"]
    version = min(set(asked), key=len)
    newer = version.replace("GLIBC_2", "GLIBC_9")
    content = SSL.read_bytes().replace(f"{version}\0".encode(), f"{newer}\0".encode())
    found = _looked(base, sealed, kept, new=_wheel(tmp_path, "new", {"new/_c.so": content}))
    assert found.problems == (f"libc.so.6 is too old for new, which needs {newer}",)


def test_code_for_another_machine_is_a_problem(base, sealed, kept, tmp_path):
    content = bytearray(SSL.read_bytes())
    content[18] = 0xB7  # EM_AARCH64
    found = _looked(base, sealed, kept, arm=_wheel(tmp_path, "arm", {"a/_c.so": bytes(content)}))
    assert found.problems == ("the code of arm is for aarch64, not for x86_64",)


def test_code_for_several_machines_is_none(base, sealed, kept, tmp_path):
    other = bytearray(SSL.read_bytes())
    other[18] = 0xB7
    both = {"a/_arm.so": bytes(other), "a/_amd.so": SSL.read_bytes()}
    assert _looked(base, sealed, kept, both=_wheel(tmp_path, "both", both)).problems == ()


@pytest.mark.parametrize(
    "tag", ["cp27-cp27m-linux_x86_64", "py3-none-manylinux_2_99_x86_64", "py3-none-win_amd64"]
)
def test_a_wheel_that_does_not_fit_the_base_is_a_problem(base, sealed, kept, tmp_path, tag):
    found = _looked(base, sealed, kept, odd=_wheel(tmp_path, "odd", {"odd.py": b""}, tag))
    assert len(found.problems) == 1
    assert f"the wheel of odd is for {tag}" in found.problems[0]


def test_another_patch_release_is_a_note_and_another_abi_a_problem(base, sealed, kept):
    minor = ".".join(sealed.version.split(".")[:2])
    found = _looked(base, _sealed(f"{minor}.99", sealed.abi), kept)
    assert found.problems == ()
    assert f"the model was logged with {minor}.99" in found.notes[0]
    kind = sealed.abi.replace("-x86_64", "d-x86_64")
    found = _looked(base, _sealed(sealed.version, kind), kept)
    assert "ABI" in found.problems[0]


def test_a_seal_of_another_machine_is_the_same_abi(base, sealed, kept):
    foreign = _sealed(sealed.version, sealed.abi.split("-x86")[0] + "-darwin")
    assert _looked(base, foreign, kept).problems == ()


def test_everything_that_is_wrong_is_said_at_once(quick_base, sealed, kept, tmp_path):
    root = tmp_path / "root"
    shutil.unpack_archive(quick_base, root, filter="fully_trusted")
    (root / "etc/ssl/certs/ca-certificates.crt").unlink()
    (root / "tmp").chmod(0o755)
    (root / "holdfast").mkdir()
    minor = ".".join(sealed.version.split(".")[:2])
    shutil.rmtree(root / f"usr/local/lib/python{minor}/asyncio")
    next((root / "usr/lib").rglob("libm.so.6")).unlink()
    found = _looked(open_base(str(root), PLATFORM, kept=kept), sealed, kept)
    said = "\n".join(found.problems)
    for part in ("certificate bundle", "mode 1777", "/holdfast already", "asyncio", "libm.so.6"):
        assert part in said
    assert len(found.problems) == 5


def test_a_wheel_that_cannot_be_read_is_an_error(base, sealed, kept, tmp_path):
    broken = tmp_path / "broken-1.0-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"broken-1.0-py3-none-any\.whl cannot be read"):
        _looked(base, sealed, kept, broken=broken)


def _needs(wheel: Path, kept: Path) -> tuple[str, ...]:
    return code_in({"it": wheel}, kept)[0].elf.needed


def _library(name: str) -> Path:
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"):
        if (Path(folder) / name).exists():
            return Path(folder, name)
    pytest.skip(f"{name} lies somewhere else here")
