"""Markers that are true on no machine, though nothing in PEP 508 says so.

Pure. A package wanted only where `os_name == 'nt'` by one that is there only on Linux is wanted by
nobody; uv leaves it out, and so do we.
"""

from __future__ import annotations

IMPOSSIBLE = (
    "os_name == 'nt' and (sys_platform == 'linux' or sys_platform == 'darwin')",
    "os_name == 'nt' and (platform_system == 'Linux' or platform_system == 'Darwin')",
    "os_name == 'posix' and (sys_platform == 'win32' or platform_system == 'Windows')",
    "platform_system == 'Windows' and (sys_platform == 'linux' or sys_platform == 'darwin')",
    "platform_system == 'Linux' and (sys_platform == 'win32' or sys_platform == 'darwin')",
    "platform_system == 'Darwin' and (sys_platform == 'win32' or sys_platform == 'linux')",
    "implementation_name == 'cpython' and platform_python_implementation == 'PyPy'",
    "implementation_name == 'pypy' and platform_python_implementation == 'CPython'",
)
