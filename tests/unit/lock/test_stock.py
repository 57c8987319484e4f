"""The lock as lines for stock pip and uv: each bound to its bytes."""

from __future__ import annotations

from packaging.tags import Tag

from holdfast.lock.stock import Family, is_hashed, own_files, stock_lines

PUBLIC, CORP = "https://index.example/simple", "https://corp.example/simple"
LINUX = Family(marker="sys_platform == 'linux'", ranks={Tag("cp311", "cp311", "linux"): 0})
MAC = Family(
    marker="sys_platform == 'darwin'",
    ranks={Tag("cp311", "cp311", "mac"): 0, Tag("py3", "none", "any"): 1},
)
GIT = {"name": "g", "vcs": {"type": "git", "url": "https://x.example/g", "commit-id": "c0"}}


def file(name, digest):
    return {"url": f"https://files.example/{name}", "hashes": {"sha256": digest}}


def package(name, *files, index=PUBLIC, **more):
    wheels = [one for one in files if one["url"].endswith(".whl")]
    sdists = [one for one in files if one not in wheels]
    more |= {"sdist": sdists[0]} if sdists else {}
    return {"name": name, "version": "1.0", "index": index, "wheels": wheels, **more}


LINUX_WHEEL = file("p-1.0-cp311-cp311-linux.whl", "a")
MAC_WHEEL = file("p-1.0-cp311-cp311-mac.whl", "b")
ANY_WHEEL = file("p-1.0-py3-none-any.whl", "c")
SOURCE = file("p-1.0.tar.gz", "d")
OWN = {
    "name": "own",
    "version": "2.0",
    "wheels": [{"path": "holdfast/wheels/own-2.0-py3-none-any.whl", "hashes": {"sha256": "e"}}],
}


def lines(*packages, elsewhere=(), families=(LINUX, MAC)):
    made = stock_lines({"packages": packages}, elsewhere=elsewhere, families=families)
    return [line.joined() for line in made]


def test_what_the_usual_index_has_is_bound_by_all_its_hashes():
    assert lines(package("p", LINUX_WHEEL, SOURCE, marker="python_version < '4'")) == [
        "p==1.0 ; python_version < '4' --hash=sha256:a --hash=sha256:d"
    ]


def test_another_index_is_not_asked_but_its_file_is_named_for_each_machine():
    one = package(
        "p", LINUX_WHEEL, MAC_WHEEL, index=CORP, marker="os_name == 'x' or os_name == 'y'"
    )
    condition = "(os_name == 'x' or os_name == 'y') and sys_platform"
    assert lines(one, elsewhere={CORP}) == [
        f"p @ https://files.example/p-1.0-cp311-cp311-linux.whl#sha256=a ; {condition} == 'linux'",
        f"p @ https://files.example/p-1.0-cp311-cp311-mac.whl#sha256=b ; {condition} == 'darwin'",
    ]


def test_one_file_that_fits_everywhere_needs_no_marker():
    both = Family(marker="sys_platform == 'linux'", ranks=MAC.ranks)
    one = package("p", ANY_WHEEL, index=CORP)
    assert lines(one, elsewhere={CORP}, families=(both, MAC)) == [
        "p @ https://files.example/p-1.0-py3-none-any.whl#sha256=c"
    ]


def test_the_best_wheel_is_named_and_sources_where_none_fits():
    one = package("p", ANY_WHEEL, MAC_WHEEL, SOURCE, index=CORP)
    assert lines(one, elsewhere={CORP}) == [
        "p @ https://files.example/p-1.0.tar.gz#sha256=d ; sys_platform == 'linux'",
        "p @ https://files.example/p-1.0-cp311-cp311-mac.whl#sha256=b ; sys_platform == 'darwin'",
    ]


def test_own_wheels_are_asked_for_by_hash():
    lock = {"packages": [OWN]}
    assert lines(OWN) == ["own==2.0 --hash=sha256:e"]
    assert own_files(lock) == {"holdfast/wheels/own-2.0-py3-none-any.whl": "e"}
    assert is_hashed(lock)


def test_beside_a_repository_nothing_has_an_option_that_pip_would_want_of_it():
    assert not is_hashed({"packages": [GIT]})
    assert lines(GIT, OWN, package("p", LINUX_WHEEL, MAC_WHEEL)) == [
        "g @ git+https://x.example/g@c0",
        "./holdfast/wheels/own-2.0-py3-none-any.whl",
        "p @ https://files.example/p-1.0-cp311-cp311-linux.whl#sha256=a ; sys_platform == 'linux'",
        "p @ https://files.example/p-1.0-cp311-cp311-mac.whl#sha256=b ; sys_platform == 'darwin'",
    ]


def test_an_archive_keeps_its_hash_beside_a_repository():
    archive = {
        "name": "z",
        "archive": {"url": "https://x.example/z.zip", "hashes": {"sha256": "f"}},
    }
    assert lines(GIT, archive)[1] == "z @ https://x.example/z.zip#sha256=f"


def test_a_url_whose_token_was_taken_out_is_not_written():
    withheld = {**ANY_WHEEL, "url": "https://files.example/p-1.0-py3-none-any.whl?token=****"}
    withheld["name"] = "p-1.0-py3-none-any.whl"
    (line,) = stock_lines(
        {"packages": [package("p", index=CORP) | {"wheels": [withheld]}]},
        elsewhere={CORP},
        families=(MAC,),
    )
    assert line.joined() == "p==1.0 --hash=sha256:c"
    assert line.index == CORP
