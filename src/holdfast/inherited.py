"""Variables of our caller's that no program we start may see, whichever program that is."""

from __future__ import annotations

import re

# A hook that starts our process names its own repository here; traces print what is secret.
_OF_GIT = re.compile(
    r"GIT_(TRACE.*|CURL_VERBOSE|DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|"
    r"PREFIX)"
)


def misleads_git(variable: str) -> bool:
    """Whether the variable names another repository, or makes git print secrets."""
    return _OF_GIT.fullmatch(variable) is not None
