from __future__ import annotations

import logging

import pytest

from holdfast.capture.log import logger
from holdfast.redact import redact, redact_said

VARIABLES = {
    "DEPLOY_TOKEN": "planted-token",
    "DB_PASS": "two-words here",
    "SIGNING_KEY": "-----BEGIN-----\nfirst line\nsecond line",
    "DATABASE_URL": "db://ada:p%40ss-word@host/x",
    "PWD": "/no/body",
    "SHORT_TOKEN": "true",
    "LANG": "C.UTF-8",
}


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("environ({'DEPLOY_TOKEN': 'planted-token'})", "environ({'DEPLOY_TOKEN': '****'})"),
        ("DB_PASS=two-words here", "DB_PASS=****"),
        ("  first line\n  second line", "  ****\n  ****"),
        ("it is p@ss-word, or p%40ss-word", "it is ****, or ****"),
        ("db://ada:p%40ss-word@host/x", "db://host/x"),
        ("in /no/body it is true, in C.UTF-8", "in /no/body it is true, in C.UTF-8"),
    ],
)
def test_what_a_program_said_of_its_surroundings(said, left):
    assert redact_said(said, VARIABLES) == left


def test_an_address_is_changed_by_no_variable():
    assert redact("https://host/planted-token/x") == "https://host/planted-token/x"


def test_no_record_of_the_log_has_a_credential(monkeypatch, caplog):
    monkeypatch.setenv("DEPLOY_TOKEN", "planted-token")
    caplog.set_level(logging.DEBUG, logger="holdfast")
    error = ValueError("no planted-token at https://ada:planted-pw@host/x")
    logger.warning("with %s", "planted-token", exc_info=error)
    assert "planted" not in caplog.text
    assert "ValueError: no **** at https://host/x" in caplog.text
