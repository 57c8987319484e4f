from __future__ import annotations

import os
import threading

from holdfast.environment.lease import acquire, alone, alone_if_free, together


def test_alone_shuts_out_everybody(tmp_path):
    lock = tmp_path / "lock"
    with alone(lock):
        assert acquire(lock, wait=False) is None
        assert acquire(lock, shared=True, wait=False) is None
        with alone_if_free(lock) as free:
            assert not free
    with alone_if_free(lock) as free:
        assert free


def test_together_shuts_out_only_the_one_alone(tmp_path):
    lock = tmp_path / "lock"
    with together(lock), together(lock), alone_if_free(lock) as free:
        assert not free


def test_a_waiter_says_so_once_and_gets_it(tmp_path):
    lock = tmp_path / "lock"
    said = []
    held = acquire(lock)
    threading.Timer(0.1, os.close, [held]).start()
    with alone(lock, lambda: said.append("waiting")):
        assert said == ["waiting"]


def test_a_lock_whose_file_was_removed_guards_nothing(tmp_path):
    lock = tmp_path / "lock"
    held = acquire(lock)
    got = []
    waiter = threading.Thread(target=lambda: got.append(acquire(lock)))
    waiter.start()
    lock.unlink()
    os.close(held)
    waiter.join()
    # The waiter made the file anew, so that it and all who come now mean the same lock.
    assert os.fstat(got[0]).st_ino == lock.stat().st_ino
    assert acquire(lock, wait=False) is None
    os.close(got[0])
