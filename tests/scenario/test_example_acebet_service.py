"""AceBet's service, as its README starts it: the sealed model beside it, people in front of it."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from playwright.sync_api import Page, expect

from acebet import EXAMPLE, AceBet, copy_example
from browser import watch
from containers import needs_programs
from holdfast.uv import run_uv, uv_program
from kit import REPOSITORY, run, surroundings
from serving import Server, free_port, serving

PASSWORD = "a-password-for-tests"  # noqa: S105
KEY = "a-key-for-tests-0123456789-0123456789"
MATCH = {
    "first": "Carlos Alcaraz",
    "second": "Novak Djokovic",
    "date": "2024-07-01",
    "surface": "Grass",
}


@dataclass(frozen=True)
class Site:
    """The service and the model's server."""

    url: str
    model: Server
    log: Path


@pytest.fixture(scope="module")
def site(acebet: AceBet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Both of them, started once."""
    folder = tmp_path_factory.mktemp("service")
    users, log, port = folder / "users.json", folder / "log", free_port()
    program = str(acebet.folder / ".venv" / "bin" / "acebet")
    added = subprocess.run(
        [program, "user", "add", "ada", "--users", str(users)],
        input=f"{PASSWORD}\n",
        text=True,
        capture_output=True,
        check=False,
        env=surroundings(),
    )
    assert added.returncode == 0, added.stderr
    known = acebet.holdfast(folder).env
    with serving(acebet.home, "models:/acebet@champion", **known) as model:
        env = surroundings(
            ACEBET_SECRET_KEY=KEY,
            ACEBET_USERS=str(users),
            ACEBET_MODEL_URL=model.url,
            ACEBET_DATA=str(acebet.data),
            ACEBET_CACHE=str(folder / "cache"),
        )
        command = [program, "serve", "--port", str(port)]
        with (
            log.open("wb") as out,
            subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out) as process,
        ):
            try:
                url = f"http://127.0.0.1:{port}"
                wait_healthy(url, process, log)
                yield Site(url, model, log)
            finally:
                process.send_signal(signal.SIGTERM)


def wait_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def ada(site: Site) -> Iterator[httpx.Client]:
    """Somebody who has signed in."""
    with httpx.Client(base_url=site.url) as client:
        answer = client.post("/token", data={"username": "ada", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def ask(client: httpx.Client, **changed: Any) -> dict[str, Any]:
    answer = client.post("/predict", json=MATCH | changed)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def test_the_sealed_model_answers(ada: httpx.Client, site: Site):
    """A match that the data has not: and the reasons add up to the probability."""
    said = ask(ada, level="G", best_of=5)
    odds = math.log(said["probability"] / (1 - said["probability"]))
    assert math.isclose(sum(one["log_odds"] for one in said["reasons"]), odds, abs_tol=1e-6)
    assert "head_to_head" in {one["reason"] for one in said["reasons"]}
    assert said["version"] == httpx.get(f"{site.model.url}/v2/models/acebet").json()["versions"][0]


def test_nobody_is_first(ada: httpx.Client):
    one, other = ask(ada), ask(ada, first=MATCH["second"], second=MATCH["first"])
    assert math.isclose(one["probability"] + other["probability"], 1, abs_tol=1e-9)


def test_any_day_and_any_two(ada: httpx.Client):
    assert ask(ada, date="2000-01-01")["probability"] == pytest.approx(0.5, abs=0.2)
    late, later = ask(ada, date="2026-01-01"), ask(ada, date="2090-01-01")
    assert 0 < later["probability"] < 1
    assert late["version"] == later["version"]
    assert ask(ada, surface="Carpet", level="D")["probability"] < 1


def test_names_that_are_near(ada: httpx.Client):
    answer = ada.post("/predict", json=MATCH | {"second": "Novak Djokovitch"})
    assert answer.status_code == 404
    assert answer.json()["detail"]["near"][0] == "Novak Djokovic"
    names = [one["name"] for one in ada.get("/players", params={"q": "djok"}).json()]
    assert "Novak Djokovic" in names


def test_what_was_asked_is_not_in_the_log(ada: httpx.Client, site: Site):
    ask(ada)
    ada.post("/token", data={"username": "ada", "password": "a-wrong-password"})
    log = site.log.read_text()
    assert "POST /predict 200" in log
    token = ada.headers["authorization"].split()[1]
    for secret in ("Alcaraz", "djok", PASSWORD, "a-wrong-password", KEY, token):
        assert secret not in log


def sign_in(tab: Page, site: Site, password: str = PASSWORD) -> None:
    tab.get_by_role("textbox", name="Name").fill("ada")
    tab.get_by_label("Password").fill(password)
    tab.keyboard.press("Enter")


def check_usable(tab: Page, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 400)])
def test_the_page_by_keyboard(site, new_page, scheme, width):
    tab = new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    seen = watch(tab)
    tab.goto(site.url)
    check_usable(tab, width)
    sign_in(tab, site, "a-wrong-password")
    expect(tab.get_by_role("alert").first).to_have_text("wrong name or password")
    sign_in(tab, site)
    expect(tab.get_by_role("combobox", name="First player")).to_be_focused()
    tab.keyboard.type("carlos alc")
    tab.keyboard.press("ArrowDown")
    expect(tab.get_by_role("option", selected=True).first).to_contain_text("Carlos Alcaraz")
    check_usable(tab, width)
    tab.keyboard.press("Enter")
    expect(tab.get_by_label("First player")).to_have_value("Carlos Alcaraz")
    tab.get_by_label("Second player").fill("Novak Djokovitch")
    tab.keyboard.press("Enter")
    expect(tab.get_by_label("Second player")).to_be_focused()
    check_usable(tab, width)
    tab.get_by_role("button", name="Novak Djokovic", exact=True).click()
    tab.locator("[name=surface]").select_option("Grass")
    tab.get_by_label("Date").fill("2024-07-01")
    tab.get_by_label("Second player").press("Enter")
    verdict = tab.locator("#verdict")
    expect(verdict).to_be_focused()
    expect(verdict).to_contain_text("wins with a chance of")
    expect(tab.locator("#reasons tbody tr")).to_have_count(9)
    expect(tab.get_by_role("img", name="Novak Djokovic: ")).to_be_visible()
    expect(tab.locator(".curve")).to_have_count(2)
    check_usable(tab, width)
    tab.get_by_label("on grass").check()
    expect(tab.get_by_label("on grass")).to_be_checked()
    before = verdict.inner_text()
    tab.get_by_role("button", name="Swap the players").click()
    tab.get_by_role("button", name="Who wins?").click()
    expect(tab.locator("#told")).to_contain_text("Novak Djokovic")
    expect(verdict).to_have_text(before)
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_role("textbox", name="Name")).to_be_focused()
    assert PASSWORD not in tab.content()
    assert tab.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert [said for said in seen.errors if "status of 4" not in said] == []
    assert all(one.startswith((site.url, "data:")) for one in seen.requests), seen.requests


def test_the_page_says_what_is_wrong(site, new_page):
    tab = new_page()
    tab.goto(site.url)
    sign_in(tab, site)
    said = tab.locator("#match").get_by_role("alert")
    tab.get_by_role("button", name="Who wins?").click()
    expect(said).to_have_text("Choose the first player.")
    expect(tab.get_by_label("First player")).to_be_focused()
    for field in ("First player", "Second player"):
        tab.get_by_label(field).fill("Roger Federer")
    tab.get_by_role("button", name="Who wins?").click()
    expect(said).to_contain_text("nobody plays against oneself")
    tab.get_by_label("Second player").fill("Rafael Nadal")
    tab.get_by_label("Date").fill("1900-01-01")
    tab.get_by_role("button", name="Who wins?").click()
    expect(said).to_contain_text("a day from 1968-04-22 to 2100-01-01 is expected")
    expect(tab.get_by_label("Date")).to_be_focused()
    tab.get_by_label("Date").fill("2008-07-06")
    tab.route("**/predict", lambda route: route.abort())
    tab.get_by_role("button", name="Who wins?").click()
    expect(said).to_have_text("The server does not answer.")


def test_the_documentation_needs_nothing_from_elsewhere(site, new_page):
    tab = new_page()
    seen = watch(tab)
    tab.goto(f"{site.url}/docs")
    expect(tab.get_by_text("/predict", exact=True)).to_be_visible()
    assert seen.errors == []
    assert all(one.startswith((site.url, "data:")) for one in seen.requests), seen.requests


@pytest.mark.slow
def test_ci_runs(holdfast_wheel: Path, tmp_path: Path):
    """What the workflow runs, in the example."""
    folder = tmp_path / "acebet"
    copy_example(folder, holdfast_wheel)
    workflow = yaml.safe_load((EXAMPLE / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    path = f"{uv_program().parent}{os.pathsep}{os.environ['PATH']}"
    for step in job["steps"]:
        if "run" in step:
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            ran = run(command, cwd=folder, env=surroundings(PATH=path), timeout=900)
            assert ran.code == 0, f"{step['name']}: {ran}"


@needs_programs
@pytest.mark.skipif(shutil.which("buildah") is None, reason="needs buildah")
@pytest.mark.slow
def test_the_dockerfile_builds_and_serves(acebet, site, quick_base, tmp_path):
    """By buildah, from the checkout's own files; the image runs as its user."""
    checkout = tmp_path / "checkout"
    for name in _in_git():
        target = checkout / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, target)
    example = checkout / "examples" / "acebet"
    run_uv(["lock", "--quiet", "--directory", str(example)])
    places = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
    buildah = ["buildah", *places, "--storage-driver", "overlay"]
    build = [*buildah, "build", "--quiet", "--isolation", "chroot", "--network", "host"]

    def called(*command: str | Path) -> str:
        ran = run(list(map(str, command)), cwd=tmp_path, timeout=1200)
        assert ran.code == 0, ran
        return ran.out.strip()

    try:
        for name, source, place in (("python", quick_base, "/"), ("uv", uv_program(), "/uv")):
            context = tmp_path / name
            context.mkdir()
            shutil.copy2(source, context)
            (context / "Dockerfile").write_text(f"FROM scratch\nADD {source.name} {place}\n")
            called(*build, "--tag", f"localhost/{name}", context)
        asked = {
            "PYTHON": "localhost/python",
            "UV": "localhost/uv",
            "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        }
        options = [f"--build-arg={name}={value}" for name, value in asked.items()]
        options += [f"--build-context=holdfast={checkout}", "--pull-never", "--format", "docker"]
        called(*build, *options, "--tag", "localhost/acebet", example)
        config = json.loads(called(*buildah, "inspect", "--type", "image", "localhost/acebet"))
        said = config["Docker"]["config"]
        assert (said["User"], said["Cmd"][:2]) == ("10001:10001", ["acebet", "serve"])
        assert said["Healthcheck"]["Test"][0] == "CMD"
        container = called(*buildah, "from", "--pull-never", "localhost/acebet")
        users = tmp_path / "users.json"
        users.touch(mode=0o600)
        users.write_text("{}")
        os.chown(users, 10001, 10001)
        port = free_port()
        serve = [
            *buildah, "run", "--isolation", "chroot", "--user", "10001:10001",
            "--volume", f"{acebet.data}:/data:ro", "--volume", f"{users}:/users.json:ro",
            "--env", "ACEBET_DATA=/data", "--env", "ACEBET_USERS=/users.json",
            "--env", f"ACEBET_SECRET_KEY={KEY}", "--env", f"ACEBET_MODEL_URL={site.model.url}",
            container, "--", *said["Cmd"][:-1], str(port),
        ]  # fmt: skip
        log = tmp_path / "log"
        with (
            log.open("wb") as out,
            subprocess.Popen(serve, stdout=out, stderr=out, start_new_session=True) as process,
        ):
            try:
                wait_healthy(f"http://127.0.0.1:{port}", process, log)
                assert "AceBet" in httpx.get(f"http://127.0.0.1:{port}/").text
            finally:
                os.killpg(process.pid, signal.SIGTERM)
    finally:
        run([*buildah, "rm", "--all"], cwd=tmp_path)
        overlay = tmp_path / "root" / "overlay"
        while overlay.is_mount():
            assert run(["umount", str(overlay)], cwd=tmp_path).code == 0


def _in_git() -> list[str]:
    """Holdfast's package and the example, as a checkout has them."""
    wanted = ["pyproject.toml", "README.md", "LICENSE", "src", "examples/acebet"]
    listed = subprocess.run(
        ["git", "ls-files", "-z", *wanted],  # noqa: S607
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name]
