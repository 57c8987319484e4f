"""A model that does what it is asked, as models in the field do without being asked.

Loaded by path as an MLflow loader module; the input is `{"do": …}` or anything to be given back.
"""

import ctypes
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path


class Odd:
    def predict(self, data, params=None):
        todo = data.get("do") if isinstance(data, dict) else None
        if todo is None:
            return data
        return getattr(self, "do_" + todo)(data, params)

    def do_params(self, data, params):
        return params

    def do_exit(self, data, params):
        print("last words of https://ada:secret@example.org/x", flush=True)
        os._exit(3)

    def do_kill(self, data, params):
        os.kill(os.getpid(), signal.SIGKILL)

    def do_crash(self, data, params):
        ctypes.string_at(0)

    def do_sysexit(self, data, params):
        sys.exit("not today")

    def do_hang(self, data, params):
        time.sleep(600)

    def do_raise(self, data, params):
        raise ValueError("cannot reach https://ada:secret@example.org/x")

    def do_raise_oddly(self, data, params):
        class UnprintableError(Exception):
            def __str__(self):
                raise RuntimeError

        raise UnprintableError

    def do_raise_mlflow(self, data, params):
        from mlflow.exceptions import MlflowException

        raise MlflowException("mine", error_code=3)

    def do_print(self, data, params):
        for _ in range(10_000):
            print("x" * 1023)
        os.write(1, b"x" * (1 << 24))
        print("é\ud800", file=sys.stderr)
        return "printed"

    def do_object(self, data, params):
        return [object()]

    def do_fork(self, data, params):
        child = os.fork()
        if child == 0:
            time.sleep(600)
        return [os.getpid(), child]

    def do_fork_and_exit(self, data, params):
        if os.fork() == 0:
            time.sleep(600)
        os._exit(4)

    def do_program(self, data, params):
        return subprocess.Popen(["sleep", "600"], close_fds=False).pid  # noqa: S607

    def do_thread(self, data, params):
        threading.Thread(target=time.sleep, args=(600,)).start()
        return "started"

    def do_memory(self, data, params):
        return len(bytearray(8 << 30))

    def do_surroundings(self, data, params):
        return {
            "cwd": str(Path.cwd()),
            "argv": sys.argv,
            "environ": dict(os.environ),
            "path": sys.path,
            "modules": sorted(sys.modules),
            "stdin": sys.stdin.read(),
            "bytecode": sys.dont_write_bytecode,
            "prefix": sys.pycache_prefix,
        }

    def do_garbage(self, data, params):
        self._to_the_line(b"garbage" * 100)

    def do_huge(self, data, params):
        self._to_the_line(struct.pack("<4sIQQ", b"HF1\n", 1, 2, 1 << 62))

    def do_truncated(self, data, params):
        self._to_the_line(struct.pack("<4sIQQ", b"HF1\n", 0, 100, 104) + b"{")
        os._exit(0)

    def _to_the_line(self, data):
        # It keeps the number that it had in the parent, which may have many files open.
        for fd in range(3, 4096):
            if stat.S_ISSOCK(_mode(fd)):
                socket.socket(fileno=os.dup(fd)).sendall(data)
                return


def _mode(fd):
    try:
        return os.fstat(fd).st_mode
    except OSError:
        return 0


def _load_pyfunc(path):
    return Odd()
