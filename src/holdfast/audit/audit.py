"""The verb `audit`: what is known against a lock's packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from packaging.version import Version

from holdfast.audit.about import About, look
from holdfast.audit.audited import Audit, Audited
from holdfast.audit.database import read_database
from holdfast.audit.ignores import Ignore
from holdfast.audit.locked import Locked
from holdfast.audit.outdated import newest
from holdfast.audit.service import DEFAULT, Found, ask
from holdfast.audit.subject import read_subject
from holdfast.audit.vulnerability import Vulnerability, badness, vulnerabilities
from holdfast.audit.wishes import Wishes, read_wishes
from holdfast.progress import Progress, silent
from holdfast.redact import redact


def audit(
    named: str,
    *,
    service: str = "",
    database: Path | None = None,
    ignores: Iterable[Ignore] = (),
    outdated: bool = False,
    on_progress: Progress = silent,
) -> Audit:
    """Look what is known against the packages of a model's lock, or of a project's.

    The whole lock is looked at, for every machine that it is for. No model is loaded, nothing of a
    project is run, nothing is changed.

    Args:
        named: A model's URI or folder, or a project's folder.
        service: The address of one that speaks OSV's interface; "" for the project's, else OSV's.
        database: A folder of OSV records, or a zip, to look into instead.
        ignores: Those that do not count, besides the project's own.
        outdated: Ask the indexes for newer versions, too.
        on_progress: Told what takes time, a line at a time.

    Raises:
        InputError: What is named is neither, has no lock, or a setting or record cannot be read.
        MismatchError: The model's lock is not as it was sealed.
        ToolError: The service or an index cannot be asked.
    """
    subject = read_subject(named, offline=database is not None, on_progress=on_progress)
    wishes = _joined(read_wishes(subject.project), service, database, ignores)
    asked = [one for one in subject.locked if _is_asked(one, wishes)]
    source, as_of, found = _ask(asked, wishes, on_progress)
    against = _against(subject.locked, found, wishes.ignores)
    names = [one.name for one in asked if one.part.kind == "index"]
    latest = newest(subject, names, on_progress) if outdated else {}
    known = look(subject)
    told = {one.part.ref for one in asked}
    return Audit(
        subject=subject,
        source=source,
        as_of=as_of,
        packages=tuple(
            Audited(
                locked=one,
                asked=one.part.ref in told,
                licence=known.get((one.name, one.version), About()).licence,
                size=known.get((one.name, one.version), About()).size,
                newest=latest.get(one.name, "") if one.part.kind == "index" else "",
            )
            for one in sorted(subject.locked, key=_by_name)
        ),
        vulnerabilities=tuple(sorted(against, key=badness)),
        unused=tuple(one for one in wishes.ignores if not _is_used(one, against)),
    )


def _joined(
    wishes: Wishes, service: str, database: Path | None, ignores: Iterable[Ignore]
) -> Wishes:
    """The project's wishes; who asks for one of service and database does not mean the other."""
    ignores = (*ignores, *wishes.ignores)
    if service or database:
        wishes = replace(wishes, service=service, database=database)
    return replace(wishes, ignores=ignores)


def _is_asked(one: Locked, wishes: Wishes) -> bool:
    """A public package of the name of own code is another one."""
    return bool(one.version) and one.part.kind != "own" and not wishes.keeps(one.name)


def _ask(asked: Sequence[Locked], wishes: Wishes, on_progress: Progress) -> tuple[str, str, Found]:
    wanted = [(one.name, one.version) for one in asked]
    if wishes.database is not None:
        database = read_database(wishes.database, on_progress)
        return str(wishes.database), database.newest, database.ask(wanted)
    service = wishes.service or DEFAULT
    return redact(service), "", ask(wanted, service, on_progress)


def _against(
    locked: Iterable[Locked], found: Found, ignores: Sequence[Ignore]
) -> list[Vulnerability]:
    today = datetime.now(timezone.utc).date()
    # A lock may have a version twice, from two indexes: it is as bad in both.
    production: dict[tuple[str, str], bool] = {}
    for one in locked:
        key = (one.name, one.version)
        production[key] = one.production or production.get(key, False)
    return [
        each
        for (name, version), for_models in production.items()
        for each in vulnerabilities(
            name,
            version,
            found.get((name, version), ()),
            ignores,
            production=for_models,
            today=today,
        )
    ]


def _is_used(ignore: Ignore, against: Iterable[Vulnerability]) -> bool:
    return any(ignore.means({one.id, *one.aliases}) for one in against)


def _by_name(one: Locked) -> tuple[str, Version]:
    return one.name, Version(one.version or "0")
