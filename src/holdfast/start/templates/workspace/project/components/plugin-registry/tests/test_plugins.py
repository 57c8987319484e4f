import pytest

from plugin_registry import PluginError, load, names

GROUP = "tests.plugins"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package that has one plugin: `installed("package", "name = module:object")`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(package: str, plugin: str) -> None:
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{plugin}\n")

    return install


def test_a_plugin_of_an_installed_package(installed):
    installed("numbers-package", "root = math:sqrt")
    assert names(GROUP) == ("root",)
    assert load(GROUP, "root")(9) == 3


def test_names_imports_nothing(installed):
    installed("broken-package", "broken = no_such_module:thing")
    assert names(GROUP) == ("broken",)
    with pytest.raises(PluginError, match="no_such_module:thing, of broken-package"):
        load(GROUP, "broken")


def test_a_name_that_nobody_has(installed):
    installed("numbers-package", "root = math:sqrt")
    with pytest.raises(PluginError, match="did you mean 'root'"):
        load(GROUP, "rooot")


def test_a_name_that_two_have(installed):
    installed("one", "root = math:sqrt")
    installed("other", "root = math:cbrt")
    with pytest.raises(PluginError, match="several plugins 'root', of one, other"):
        load(GROUP, "root")
