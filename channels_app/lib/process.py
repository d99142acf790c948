"""What the operating system and the C library allow a process with many threads and calls."""

import ctypes
import resource
from contextlib import suppress

M_ARENA_MAX = -8
"""The number of this option in glibc's malloc.h."""
MAX_ARENAS = 2
"""glibc makes up to eight for each processor when many threads allocate, and each keeps what it once had. Python's
threads allocate one at a time."""
FILES = 65_536
"""Far above CALLS_AT_ONCE. Not all that a system may allow: a billion, which some programs go through one by one."""


def prepare_for_many_calls() -> None:
    """Before threads begin. Each call is an open file, of which many systems allow 1,024 unless a program asks."""
    with suppress(OSError, AttributeError):  # another C library has no such option
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, MAX_ARENAS)
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        with suppress(OSError, ValueError):  # it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
