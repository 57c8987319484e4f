"""The log of what happens at log time: no record of it has a credential in it, at any level."""

from __future__ import annotations

import logging
import os
import traceback

from holdfast.redact import redact_said


def _without_secrets(record: logging.LogRecord) -> bool:
    """Take them out of the message and of the traceback, for every handler there is."""
    record.msg, record.args = redact_said(record.getMessage(), os.environ), ()
    if record.exc_info and record.exc_info[1] is not None:
        trace = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        record.exc_text, record.exc_info = redact_said(trace, os.environ), None
    return True


logger = logging.getLogger("holdfast")
logger.addFilter(_without_secrets)
