"""What a figure was measured on."""

import os
import platform

import psutil

_GIB = 2**30


def machine() -> str:
    """The machine of this process, in a few words."""
    memory_gib = psutil.virtual_memory().total / _GIB
    return (
        f"{os.cpu_count()} cores, {memory_gib:.0f} GiB of memory, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    )
