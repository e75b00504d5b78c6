"""Has the C library give memory back to the system that a burst of work took."""

import ctypes

# From mallopt(3):
_M_TRIM_THRESHOLD = -1
_M_ARENA_MAX = -8
_TRIM_BYTES = 64 * 1024
_ARENAS = 2


def give_memory_back() -> None:
    """Set glibc's allocator for a process that is idle most of the time; elsewhere do nothing.

    With 20 seeds a round runs 30 threads. What they freed stayed with the process: 100 MB resident instead of 93
    (Debian 12, glibc 2.36, 2026-11).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    mallopt(_M_ARENA_MAX, _ARENAS)
