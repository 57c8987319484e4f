from __future__ import annotations

import pytest

from holdfast.errors import InputError
from holdfast.mlproject.command import refuse_shell_words, words_of


@pytest.mark.parametrize(
    "command",
    [
        "python train.py --alpha {alpha} {data}",
        "python -c 'print(1) if 2 > 1 else $x; `y`'",
        'python -c "import sys; print(sys.argv)" {word}',
        "python train.py \\\n  --alpha {alpha}\n",
        "python train.py --set a=b --tag v~1 --note x#1",
        r"python train.py --price \$5 \*",
    ],
)
def test_plain_commands_need_no_shell(command):
    refuse_shell_words(command, "main")


@pytest.mark.parametrize(
    ("command", "for_what"),
    [
        ("python a.py && python b.py", "'&'"),
        ("python a.py | tee out", "'|'"),
        ("python a.py > out", "'>'"),
        ("python a.py; rm x", "';'"),
        ("python a.py\npython b.py", "'\\n'"),
        ("python a.py --home $HOME", "'$'"),
        ('python a.py --home "$HOME"', "'$'"),
        ("python a.py --now `date`", "'`'"),
        ("python a.py data/*.csv", "'*'"),
        ("python a.py ~/rows.csv", "'~'"),
        ("python a.py # said", "'#'"),
        ("SEED=1 python a.py", "'SEED='"),
    ],
)
def test_a_command_that_needs_one_is_refused_with_the_reason(command, for_what):
    with pytest.raises(InputError) as caught:
        refuse_shell_words(command, "main")
    assert f"needs a shell, for {for_what}" in caught.value.message
    assert "shell" in (caught.value.hint or "")


def test_what_a_parameter_holds_stays_one_word():
    assert words_of("python 'a b.py' --word 'x; rm -rf $HOME' ''") == [
        "python",
        "a b.py",
        "--word",
        "x; rm -rf $HOME",
        "",
    ]
    assert words_of("python a.py \\\n --b c") == ["python", "a.py", "--b", "c"]


@pytest.mark.parametrize(("command", "said"), [("", "no command"), ("python 'a", "cannot be read")])
def test_a_command_that_is_none(command, said):
    with pytest.raises(InputError, match=said):
        words_of(command)
