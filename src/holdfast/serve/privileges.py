"""Privileges: what root was needed for is done; from now on the process is somebody else's."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from holdfast.errors import InputError


def become(name: str, uds: Path | None) -> None:
    """Become the user `name`, for good; the workers will be, too.

    Args:
        name: The user's name.
        uds: A Unix socket, to be the user's.

    Raises:
        InputError: There is no such user, or this process is not root's.
    """
    try:
        user = pwd.getpwnam(name)
    except KeyError as error:
        raise InputError(f"there is no user {name} here") from error
    if os.geteuid() == user.pw_uid and os.geteuid() != 0:
        return
    if os.geteuid() != 0:
        raise InputError(f"only root can become {name}", hint="leave --user away, or start as root")
    if uds is not None:
        os.chown(uds, user.pw_uid, user.pw_gid, follow_symlinks=False)
    os.setgroups([group.gr_gid for group in grp.getgrall() if name in group.gr_mem])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.environ.update(HOME=user.pw_dir, USER=name, LOGNAME=name)
