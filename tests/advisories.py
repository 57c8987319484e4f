"""Advisories that are real, of packages that real locks have, and a service that knows them.

The facts (names, what is fixed where, CVSS) are those of the GitHub Advisory Database and of the
Python Packaging Advisory Database; the words are ours. The service decides by specifiers which are
about a version, so that what it says and what the records say are two sources.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet


def _record(
    name: str, aliases: list[str], package: str, *spans: list[dict[str, str]], **more: Any
) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": events} for events in spans]
    affected = {"package": {"ecosystem": "PyPI", "name": package}, "ranges": ranges}
    return {
        "id": name,
        "modified": "2024-07-11T17:21:37Z",
        "aliases": aliases,
        "affected": [affected],
        **more,
    }


def _cvss(vector: str) -> list[dict[str, str]]:
    return [{"type": "CVSS_V3", "score": f"CVSS:3.1/{vector}"}]


_MODERATE = {"severity": "MODERATE"}
_BEFORE_2 = [{"introduced": "0"}, {"fixed": "1.26.17"}]
# The record, and the versions that it is about.
KNOWN: tuple[tuple[dict[str, Any], str], ...] = (
    (
        _record(
            "GHSA-h5c8-rqwp-cp95", ["CVE-2024-22195"], "jinja2",
            [{"introduced": "0"}, {"fixed": "3.1.3"}],
            summary="xmlattr takes keys with spaces",
            severity=_cvss("AV:N/AC:L/PR:N/UI:R/S:U/C:L/I:L/A:N"),
            database_specific=_MODERATE,
            references=[{"type": "ADVISORY", "url": "https://advisories.example/CVE-2024-22195"}],
        ),
        "<3.1.3",
    ),
    (
        _record(
            "GHSA-jjg7-2v4v-x38h", ["CVE-2024-3651"], "idna",
            [{"introduced": "0"}, {"fixed": "3.7"}],
            summary="idna.encode takes very long for some names",
            severity=_cvss("AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"),
            database_specific=_MODERATE,
        ),
        "<3.7",
    ),
    (  # the same, by others: its name for itself is another, its CVE the same
        _record(
            "PYSEC-2024-60", ["CVE-2024-3651"], "idna",
            [{"introduced": "0.1"}, {"fixed": "3.7"}],
            details="idna.encode takes very long for some names.\n\nFixed in 3.7.",
            severity=_cvss("AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"),
        ),
        "<3.7",
    ),
    (
        _record(
            "GHSA-v845-jxx5-vc9f", ["CVE-2023-43804"], "urllib3",
            [{"introduced": "2.0.0"}, {"fixed": "2.0.6"}], _BEFORE_2,
            summary="Cookie goes along to another origin",
            severity=_cvss("AV:N/AC:H/PR:H/UI:N/S:U/C:H/I:H/A:N"),
            database_specific=_MODERATE,
        ),
        "<2.0.6,!=1.26.17,!=1.26.18",
    ),
    (  # one range of four events, in the order in which they stand there
        _record(
            "PYSEC-2023-192", ["CVE-2023-43804", "GHSA-v845-jxx5-vc9f"], "urllib3",
            [{"introduced": "2.0.0"}, {"fixed": "2.0.6"}, *_BEFORE_2],
            details="Cookie goes along to another origin.",
            severity=_cvss("AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N"),
        ),
        "<2.0.6,!=1.26.17,!=1.26.18",
    ),
    (
        _record(
            "GHSA-g4mx-q9vg-27p4", ["CVE-2023-45803"], "urllib3",
            [{"introduced": "2.0.0"}, {"fixed": "2.0.7"}],
            [{"introduced": "0"}, {"fixed": "1.26.18"}],
            summary="The body goes along after a 303",
            severity=_cvss("AV:A/AC:H/PR:H/UI:N/S:U/C:H/I:N/A:N"),
            database_specific=_MODERATE,
        ),
        "<2.0.7,!=1.26.18",
    ),
    (
        _record(
            "GHSA-9wx4-h78v-vm56", ["CVE-2024-35195"], "requests",
            [{"introduced": "0"}, {"fixed": "2.32.2"}],
            summary="A session does not verify after verify=False",
            severity=_cvss("AV:L/AC:H/PR:H/UI:R/S:U/C:H/I:H/A:N"),
            database_specific=_MODERATE,
        ),
        "<2.32.2",
    ),
)  # fmt: skip
RECORDS = {record["id"]: record for record, _ in KNOWN}


def write_folder(folder: Path) -> Path:
    """As OSV's own dump: a JSON file each."""
    folder.mkdir(parents=True)
    for name, record in RECORDS.items():
        (folder / f"{name}.json").write_text(json.dumps(record))
    return folder


def write_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, record in RECORDS.items():
            archive.writestr(f"{name}.json", json.dumps(record))
    return path


def write_repository(folder: Path) -> Path:
    """As a checkout of a database of YAML files in folders by package."""
    for name, record in RECORDS.items():
        path = folder / "vulns" / record["affected"][0]["package"]["name"] / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(record))
    (folder / ".github").mkdir()
    (folder / ".github" / "workflow.yml").write_text("on: push\n")
    return folder


@dataclass
class Osv:
    """A service that answers; what it was asked is kept.

    Attributes:
        page: So many names an answer; the rest on the next page.
        busy: So many requests get a 503 first.
        answers: In place of what it knows: status and body.
    """

    url: str = ""
    page: int = 1000
    busy: int = 0
    answers: tuple[int, bytes] | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    batches: int = 0

    def result(self, query: dict[str, Any]) -> dict[str, Any]:
        name, version = query["package"]["name"], query["version"]
        assert query["package"]["ecosystem"] == "PyPI"
        self.asked.append((name, version))
        found = [
            {"id": record["id"], "modified": record["modified"]}
            for record, versions in KNOWN
            if record["affected"][0]["package"]["name"] == name
            and version in SpecifierSet(versions)
        ]
        start = int(query.get("page_token", 0))
        shown, rest = found[start : start + self.page], found[start + self.page :]
        more = {"next_page_token": str(start + self.page)} if rest else {}
        return {"vulns": shown, **more} if shown else {}


@contextmanager
def serving() -> Iterator[Osv]:
    """The service, on loopback."""
    osv = Osv()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/querybatch", self.path
            osv.batches += 1
            self._answer({"results": [osv.result(query) for query in asked["queries"]]})

        def do_GET(self) -> None:
            self._answer(RECORDS[self.path.removeprefix("/v1/vulns/")])

        def _answer(self, document: object) -> None:
            status, body = osv.answers or (200, json.dumps(document).encode())
            if osv.busy:
                osv.busy -= 1
                status, body = 503, b"later"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    osv.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield osv
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
