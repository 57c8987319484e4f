"""The command line as shells and programs use it: streams, pipes, signals, files, speed."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.environment.store import Store
from kit import Holdfast, Ran, run, surroundings
from small import ANSWERS, ROWS

COMMANDS = (
    *("demo", "init", "migrate", "doctor", "audit", "show", "restore", "run", "verify", "diff"),
    *("patch", "predict", "score", "serve", "image", "bench", "env"),
)


@pytest.fixture
def holdfast(small, tmp_path) -> Holdfast:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return small.holdfast(folder)


@pytest.fixture
def rows(holdfast) -> Path:
    path = holdfast.folder / "rows.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def shell(holdfast: Holdfast, line: str, **env: str) -> Ran:
    """A line of a shell's, as users write it, in which `$HOLDFAST` is the command."""
    variables = surroundings(HOLDFAST_HOME=str(holdfast.home), **holdfast.env, **env)
    line = line.replace("$HOLDFAST", f"{sys.executable} -m holdfast")
    command = ["/usr/bin/env", "bash", "-o", "pipefail", "-c", line]
    return run(command, cwd=holdfast.folder, env=variables)


def on_a_terminal(holdfast: Holdfast, *words: str | Path, **env: str) -> tuple[int, str]:
    """The exit code, and all that a terminal shows."""
    variables = surroundings(HOLDFAST_HOME=str(holdfast.home), **holdfast.env, **env)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "holdfast", *map(str, words)],
        cwd=holdfast.folder, env={"TERM": "xterm", **variables},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # Linux's way to say that the other side is closed
            pass
    os.close(ours)
    return process.returncode, shown.decode()


# Help and speed.


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS), ("env", "list")])
def test_help_says_what_it_is_for(holdfast, words):
    ran = holdfast(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: ")
    assert max(map(len, ran.out.splitlines())) <= 100
    assert "\\b" not in ran.out
    if not words:
        assert "Exit codes" in ran.out
        listed = re.findall(r"^  (\w+)  ", ran.out.partition("Commands:")[2], re.MULTILINE)
        assert listed == list(COMMANDS)
    else:
        assert "  -v, --verbose" in ran.out or words == ("env",)


def test_help_is_there_at_once(holdfast):
    def seconds(*words: str) -> float:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *words], env=surroundings(), capture_output=True, check=True
        )
        assert done.stdout or words == ("-c", "pass")
        return time.perf_counter() - start

    # Against an empty Python in the same minute: machines are loaded.
    pairs = [(seconds("-c", "pass"), seconds("-m", "holdfast", "--help")) for _ in range(5)]
    empty, help_ = map(min, zip(*pairs, strict=True))
    assert help_ - empty < 0.25


def test_nothing_slow_is_imported_before_it_is_needed(holdfast):
    slow = (
        "mlflow",
        "rich",
        "packaging",
        "yaml",
        "tomli",
        "platformdirs",
        "json.decoder",
        "asyncio",
    )
    code = f"import holdfast.cli, sys; print([n for n in {slow!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=surroundings(), capture_output=True, text=True, check=True
    )
    found = set(eval(done.stdout)) - {"json.decoder"}  # noqa: S307 - our own line
    assert not found


def test_a_path_needs_no_mlflow(holdfast, small, rows):
    code = (
        "import sys\nfrom holdfast.cli import _run\n"
        "code = _run()\n"
        "print(code, 'mlflow' in sys.modules, 'pandas' in sys.modules, file=sys.stderr)"
    )
    for words in (["show", small.model], ["predict", small.model, "-i", rows]):
        ran = Holdfast(holdfast.home, holdfast.folder, holdfast.env)
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            env=surroundings(HOLDFAST_HOME=str(ran.home), **ran.env),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stderr.endswith("0 False False\n"), done.stderr


# stdout is data, stderr is talk.


def test_restore_prints_just_the_folder(holdfast, small):
    ran = holdfast("restore", small.model)
    assert (ran.code, ran.err) == (0, "")
    assert Path(ran.out.removesuffix("\n")).is_dir()
    line = f'"$($HOLDFAST restore {small.model})/bin/python" -c "import small; print(6 * 7)"'
    assert shell(holdfast, line).out == "42\n"


def test_json_is_json_and_nothing_else(holdfast, small):
    shown = json.loads(holdfast("show", small.model, "--json").out)
    assert shown["digest"]
    assert shown["signature"]["params"][0]["name"] == "factor"
    restored = json.loads(holdfast("restore", small.model, "--json").out)
    assert set(restored) == {
        *("path", "python", "python_version", "exact_python", "key", "grade", "slim")
    }  # fmt: skip
    assert restored["slim"] is None
    receipt = json.loads(holdfast("verify", "--json", small.model).out)
    assert receipt["matches"] is True
    assert receipt["seal"] == shown["digest"]
    assert receipt["environment"] == restored["key"]
    (listed,) = json.loads(holdfast("env", "list", "--json").out)
    assert listed["key"] == restored["key"]
    assert listed["packages"] > 20


def test_show_says_what_matters(holdfast, small):
    ran = holdfast("show", small.model)
    lines = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert lines["grade"] == "locked"
    assert lines["takes"] == "name: string, weight: double, count: long"
    assert lines["parameters"] == "factor: double = 1.0"
    assert "pandas" in holdfast("show", small.model, "--packages").out


def test_a_build_is_silent_in_a_pipe_and_told_with_v(small, tmp_path):
    for option, talks in (("-q", False), ("-v", True)):
        fresh = small.spoilable(tmp_path / option)
        fresh.folder.mkdir()
        ran = fresh("restore", option, small.model)
        assert ran.code == 0, ran
        assert ("building an environment of" in ran.err) is talks, ran
        assert len(ran.out.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [("verify", "{model}"), ("show", "{model}", "--packages"), ("env", "list")]
)
def test_a_reader_that_leaves_is_no_error(holdfast, small, words):
    line = " ".join(words).format(model=small.model)
    ran = shell(holdfast, f"$HOLDFAST {line} | head -n 1")
    assert ran.code == 0, ran
    assert len(ran.out.splitlines()) == 1
    assert ran.err == ""
    assert shell(holdfast, f"$HOLDFAST {line} | true").err == ""


def test_a_mismatch_stays_one_when_nobody_reads_it(holdfast, small, tmp_path):
    model = small.copy(tmp_path / "model")
    (model / "MLmodel").write_text("")
    for reader in ("head -n 1", "true"):
        ran = shell(holdfast, f"$HOLDFAST verify {model} | {reader}")
        assert (ran.code, ran.err) == (1, ""), ran


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk_is_said(holdfast, small, rows):
    for words in (
        f"show {small.model}",
        f"show {small.model} --json",
        f"predict {small.model} -i rows.csv",
    ):
        ran = shell(holdfast, f"$HOLDFAST {words} > /dev/full")
        assert ran.code == 3, ran
        assert ran.err.startswith("error: standard output cannot be written: No space"), ran


def test_a_terminal_that_knows_no_unicode(holdfast, small):
    ran = holdfast("verify", small.model, PYTHONIOENCODING="ascii")
    assert ran.code == 0, ran
    assert r"\u2713 model-files" in ran.out
    ran = holdfast("show", small.model, "--json", PYTHONIOENCODING="latin-1")
    assert json.loads(ran.out)["grade"] == "locked"


def test_colours_on_a_terminal_and_not_with_no_color(holdfast, small):
    code, shown = on_a_terminal(holdfast, "show", small.model)
    assert code == 0
    assert "\x1b[1m" in shown
    code, shown = on_a_terminal(holdfast, "show", small.model, NO_COLOR="1")
    assert "\x1b[3" not in shown
    for color, colours in ((None, True), ("1", False)):
        env = {"NO_COLOR": color} if color else {}
        code, shown = on_a_terminal(holdfast, "show", "nowhere", **env)
        assert code == 2
        assert ("\x1b[31m" in shown) is colours
    assert "\x1b" not in holdfast("verify", small.model).out


def test_progress_is_for_terminals(holdfast, small):
    _, shown = on_a_terminal(holdfast, "verify", small.model)
    assert "hashing" in shown
    _, shown = on_a_terminal(holdfast, "verify", "-q", small.model)
    assert "hashing" not in shown
    assert holdfast("verify", small.model).err == ""


# Files.


def test_an_answer_is_written_whole_or_not_at_all(holdfast, small, rows):
    out = holdfast.folder / "answers.csv"
    out.write_text("as it was")
    out.chmod(0o600)
    ran = holdfast("predict", small.model, "-i", rows, "-o", out, "--params", '{"no": 1}')
    assert ran.code == 2
    assert out.read_text() == "as it was"
    ran = holdfast("predict", small.model, "-i", rows, "-o", out)
    assert (ran.code, ran.out) == (0, "")
    assert out.read_text().splitlines() == ["prediction", *ANSWERS]
    assert out.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in holdfast.folder.iterdir()) == ["answers.csv", "rows.csv"]


def test_an_answer_follows_links_and_goes_to_devices(holdfast, small, rows):
    real, link = holdfast.folder / "real.json", holdfast.folder / "link.json"
    link.symlink_to(real.name)
    ran = holdfast("predict", small.model, "-i", rows, "-o", link)
    assert ran.code == 0, ran
    assert link.is_symlink()
    assert json.loads(real.read_text())["predictions"] == [float(one) for one in ANSWERS]
    ran = holdfast("predict", small.model, "-i", rows, "-o", "/dev/null")
    assert ran.code == 0, ran
    assert Path("/dev/null").is_char_device()


def test_rows_from_a_pipe_to_a_pipe(holdfast, small, rows):
    line = f"cat rows.csv | $HOLDFAST predict {small.model} -i - --format csv | tail -n +2 | sort"
    assert shell(holdfast, line).out.split() == sorted(ANSWERS)


def test_parameters_reach_the_model(holdfast, small, rows):
    ran = holdfast("predict", small.model, "-i", rows, "--params", '{"factor": 10}')
    assert ran.out.splitlines()[1:] == ["1.0", "75.0", "2e+301"]


# holdfast run.


def test_run_passes_everything_on(holdfast, small):
    def ran_in(*words: str) -> Ran:
        return holdfast("run", small.model, "--", *words)

    assert ran_in("sh", "-c", "exit 42").code == 42
    found = ran_in("python", "-c", "import small, sys; print(sys.prefix)").out.strip()
    assert found == holdfast("restore", small.model).out.strip()
    assert ran_in("sh", "-c", "echo $PATH").out.startswith(f"{found}/bin:")
    assert ran_in("python", "-v", "-c", "").err.count("import ") > 10
    line = f"echo in | $HOLDFAST run {small.model} cat; $HOLDFAST run {small.model} yes | head -n 1"
    ended = shell(holdfast, line)
    assert (ended.code, ended.out, ended.err) == (141, "in\ny\n", ""), ended


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run_passes_signals_on_and_holds_its_lease(holdfast, small, sent):
    script = (
        "import signal, sys, time\n"
        f"signal.signal({int(sent)}, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "holdfast", "run", str(small.model), "python", "-c", script],
        env=surroundings(HOLDFAST_HOME=str(holdfast.home), **holdfast.env),
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (listed,) = Store.open(holdfast.home).list()
        assert listed.in_use
        assert Store.open(holdfast.home).prune(key=listed.key) == ()
        process.send_signal(sent)
        assert process.wait(20) == 7


# holdfast env.


def test_env_lists_and_prunes(small, tmp_path):
    holdfast = small.spoilable(tmp_path)
    assert holdfast("env", "list", "--json").out == "[]\n"
    path = Path(holdfast("restore", small.model).out.strip())
    key = path.name
    assert key[:12] in holdfast("env", "list").out

    def prune(*options: str) -> list[str]:
        ran = holdfast("env", "prune", "--json", *options)
        assert ran.code == 0, ran
        return [one["key"] for one in json.loads(ran.out)]

    # What was just handed out stays, but for one that is named.
    assert prune("--max-size", "1kB") == prune("--older-than", "1h") == prune() == []
    lease = Store.open(holdfast.home).layout.lease_lock(key)
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(lease, (long_ago, long_ago))
    assert prune("--older-than", "8w") == []
    for options in (["--older-than", "30d"], ["--max-size", "1 MB"], ["--key", key[:8]]):
        assert prune("--dry-run", *options) == [key]
    ran = holdfast("env", "prune", "--older-than", "30d", "--dry-run")
    assert ran.out == f"{key}\n"
    assert ran.err.startswith("would remove 1, ")
    assert path.is_dir()

    for wrong, words in (("zz", "no key begins with 'zz'"), ("", "begin")):
        ran = holdfast("env", "prune", "--key", wrong)
        assert ran.code == 2, ran
        assert words in ran.err
    with Store.open(holdfast.home).lease(_environment(holdfast, small)):
        ran = holdfast("env", "prune", "--key", key)
        assert (ran.code, ran.out) == (3, ""), ran
        assert "in use" in ran.err
    ran = holdfast("env", "prune", "--key", key[:10], "-q")
    assert (ran.code, ran.out, ran.err) == (0, f"{key}\n", ""), ran
    assert not path.exists()


def _environment(holdfast: Holdfast, small):
    from holdfast.restore.restore import restore

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLDFAST_HOME", str(holdfast.home))
        return restore(small.model).environment
