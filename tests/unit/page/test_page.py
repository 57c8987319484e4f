"""The page: what it says, that it is well-formed, and that nobody's words become markup."""

from __future__ import annotations

import timeit
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.page.markup import element, words
from holdfast.page.page import render
from holdfast.page.sections import PAGE_FILE
from holdfast.page.write import uri_in, with_page
from holdfast.seal.digest import digest_file
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Seal, SealedDistribution, SealedGolden
from pages import EVIL, HOSTILE, SEAL, golden_of

_VOID = {"meta"}


class Read(HTMLParser):
    """A strict reader: every element is closed in its order; collects texts and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(seal: Seal, golden=None, uri="models:/churn/3") -> Read:
    return Read(render(seal, golden, uri))


def test_it_says_what_the_seal_says():
    frame = pd.DataFrame({"tenure": [3, 61], "contract": ["month", "year"]})
    page = read(SEAL, golden_of(frame, np.array([0.975, 0.25])))
    for said in (
        "churn 2.4.0",
        "2026-11-20 12:00 UTC",
        "c0ffeec0ffee",
        "in no commit",
        "extras gpu",
        "frozen",
        "installed is not what uv.lock says",
        "3.11.7",
        "100 MB installed",
        "pandas",
        "43 MB",
        "lock: 3.0.0",
        "not there",
        "own code",
        "1.2 kB",
        "https://packages.example/simple",
        "a folder of the machine",
        "model.pkl",
        "holdfast verify models:/churn/3",
        "mlflow models predict -m models:/churn/3 --env-manager uv",
        "0.975",
        "contract",
    ):
        assert said in page.text, said


def test_it_is_one_file_that_asks_for_nothing():
    page = read(SEAL)
    first = page.elements[:4]
    assert [tag for tag, _ in first] == ["html", "head", "meta", "meta"]
    assert first[0][1] == {"lang": "en"}
    assert first[3][1] == {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'",
    }
    names = {name for _, attributes in page.elements for name in attributes}
    assert not names & {"src", "href", "srcset", "action", "onload", "onerror"}
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "header", "section"),
        *("footer", "h1", "h2", "p", "ul", "li", "div", "span", "b", "i", "bdi", "strong"),
        *("small", "code", "pre", "dl", "dt", "dd", "details", "summary", "table", "caption"),
        *("colgroup", "thead", "tbody", "tr", "th", "td"),
    }
    assert "url(" not in render(SEAL, None, "MODEL")


def test_tables_and_headings_are_said_to_be_what_they_are():
    page = read(SEAL, golden_of(pd.DataFrame({"a": [1]}), np.array([2])))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("h1") == 1
    assert tags.count("title") == 1
    scopes = [attributes.get("scope") for tag, attributes in page.elements if tag == "th"]
    assert set(scopes) == {"col", "row", "colgroup"}
    (drawn,) = (one for tag, one in page.elements if one.get("role") == "img")
    assert drawn["aria-label"].startswith("3 packages, 100 MB")


def test_nobodys_words_become_markup():
    frame = pd.DataFrame({EVIL.replace("\ud800", ""): [EVIL.replace("\ud800", "")]})
    text = render(HOSTILE, golden_of(frame, frame), EVIL)
    page = Read(text)
    assert "<script" not in text
    assert "<img" not in text
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert not any(name.startswith("on") for _, found in page.elements for name in found)
    assert "<script>alert('holdfast')</script>" in page.text
    for character in "\u202e\x1b\ud800":
        assert character not in text
    assert "\\u202egnp.exe" in page.text


@settings(deadline=None)
@given(st.text(max_size=50), st.text(max_size=50))
def test_text_stays_text(content, attribute):
    page = Read(element("p", content, title=attribute))
    assert len(page.elements) == 1
    assert page.elements[0][0] == "p"
    # What is not printable is written out; everything else is there as it was.
    if content.isprintable():
        assert "".join(page.texts) == content
    assert len(words("a" * 1000)) == 200


def test_a_secret_in_an_old_seal_is_not_shown():
    seal = replace(SEAL, reasons=("see https://ada:s3cret@packages.example/simple?token=s3cret",))
    assert "s3cret" not in render(seal, None, "MODEL")


def test_a_page_is_small_and_quick_however_much_there_is():
    many = {
        f"package-{number:04d}": SealedDistribution(version="1.2.3", record="", size=number * 1000)
        for number in range(400)
    }
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 500)))
    text = pd.DataFrame({f"t{number}": ["x" * 3000] * 9 for number in range(20)})
    seal = replace(SEAL, distributions=many)
    for golden in (golden_of(wide, wide), golden_of(text, text)):
        page = render(seal, golden, "MODEL")
        assert len(page.encode()) < 300_000
    assert "package-0001" in page
    assert len(render(HOSTILE, None, "MODEL").encode()) < 100_000
    # Milliseconds on an idle machine, for more than twice the packages that users have.
    assert min(timeit.repeat(lambda: render(seal, golden, "MODEL"), number=1, repeat=5)) < 0.1


@pytest.mark.parametrize("grade", list(Grade))
def test_a_seal_that_knows_little_has_a_page_too(grade):
    bare = replace(
        SEAL,
        grade=grade,
        reasons=(),
        lock="",
        golden=SealedGolden(sha256="", rows=0, repeatable=False, reason="no input example"),
        distributions={},
        wheels=(),
        drift=(),
        indexes=(),
        files={},
    )
    page = read(bare)
    assert grade.value in page.text
    assert "There are none: no input example ." in page.text
    assert "The seal names none." in page.text


def test_older_seals_know_no_sizes():
    plain = {name: replace(one, size=0) for name, one in SEAL.distributions.items()}
    page = read(replace(SEAL, distributions=plain, wheels=()))
    assert not any(found.get("role") == "img" for _, found in page.elements)
    assert "numpy" in page.text


def test_it_is_written_and_sealed(tmp_path):
    seal = with_page(tmp_path, SEAL, None)
    assert seal.files[PAGE_FILE] == digest_file(tmp_path / PAGE_FILE)
    # The same page again, from a seal that has it already.
    assert with_page(tmp_path, seal, None) == seal


def test_a_page_that_cannot_be_written_is_none(tmp_path):
    (tmp_path / "holdfast").write_text("in the way")
    assert with_page(tmp_path, SEAL, None) == SEAL
    assert [path.name for path in tmp_path.iterdir()] == ["holdfast"]


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("model_id: m-0a1b\nrun_id: abc\nartifact_path: model\n", "models:/m-0a1b"),
        ("artifact_path: a/model\nflavors:\n  model_id: x\nrun_id: abc\n", "runs:/abc/a/model"),
        ("run_id: null\n", "MODEL"),
        ("model_id: m-1; rm -rf $HOME\n", "MODEL"),
        ("model_id: '$(reboot)'\nrun_id: -x\nartifact_path: y\n", "MODEL"),
        ("", "MODEL"),
    ],
)
def test_how_a_model_is_named(tmp_path, text, uri):
    (tmp_path / "MLmodel").write_text(text)
    assert uri_in(tmp_path) == uri
    assert uri_in(tmp_path / "nowhere") == "MODEL"
