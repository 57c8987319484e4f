"""SARIF 2.1.0 (OASIS), which code hosts show beside the lock: a result for each vulnerability."""

from __future__ import annotations

import re
from typing import Any

from holdfast import own
from holdfast.audit.audited import Audit
from holdfast.audit.subject import Subject
from holdfast.audit.vulnerability import Vulnerability

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "low": "note", "none": "note"}


def sarif(audit: Audit) -> dict[str, Any]:
    """The document."""
    rules = {one.id: _rule(one) for one in audit.vulnerabilities}
    places = {name: place for place, name in enumerate(rules)}
    driver = {"name": "holdfast", "version": own.version(), "rules": list(rules.values())}
    results = [_result(one, places[one.id], audit.subject) for one in audit.vulnerabilities]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(one: Vulnerability) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": one.id,
        "shortDescription": {"text": one.summary or one.id},
        "properties": {"tags": ["security", *one.aliases]},
    }
    if one.url:
        rule["helpUri"] = one.url
    if one.score is not None:
        # GitHub's property: by it the result gets its word.
        rule["properties"]["security-severity"] = f"{one.score:.1f}"
    return rule


def _result(one: Vulnerability, rule: int, subject: Subject) -> dict[str, Any]:
    fixed = f"; fixed in {', '.join(one.fixed_in)}" if one.fixed_in else ""
    where = {
        "artifactLocation": {"uri": subject.lock_name},
        "region": {"startLine": _line(one, subject.lock_text)},
    }
    result: dict[str, Any] = {
        "ruleId": one.id,
        "ruleIndex": rule,
        "level": _LEVELS.get(one.rating, "warning"),
        "message": {"text": f"{one.name} {one.version}: {one.summary or one.id}{fixed}"},
        "locations": [{"physicalLocation": where}],
        "partialFingerprints": {"advisoryOfPackage/v1": f"{one.id}/{one.name}"},
    }
    if one.ignored and one.ignore is not None:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": one.ignore.reason}
        ]
    return result


def _line(one: Vulnerability, lock: str) -> int:
    """Where the lock names the package; the first line, where it is written in another way."""
    name, version = re.escape(one.name), re.escape(one.version)
    found = re.search(
        rf'^\[\[packages?\]\]\r?\nname = "{name}"\r?\nversion = "{version}"', lock, re.MULTILINE
    )
    return lock.count("\n", 0, found.start()) + 2 if found else 1
