"""What a figure was measured on, and of which code."""

import os
import platform
import subprocess

import psutil

_GIB = 2**30


def machine() -> str:
    """The machine of this process, in a few words."""
    memory_gib = psutil.virtual_memory().total / _GIB
    return (
        f"{os.cpu_count()} cores, {memory_gib:.0f} GiB of memory, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    )


def commit() -> str:
    """The commit of this tree, marked where something is not committed; "unknown" without git."""
    asked = ("git", "describe", "--always", "--dirty=, changed", "--exclude=*")
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
