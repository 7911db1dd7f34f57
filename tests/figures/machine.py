"""What a figure was measured on, and of which code."""

import os
import platform
import subprocess
from collections.abc import Iterable

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
    """The commit of this tree, marked where something is not committed; "unknown" without git.

    What is written in docs/ changes no figure: one page may have been written before the next.
    """
    try:
        at = _git("describe", "--always", "--exclude=*").strip()
        return f"{at}, changed" if _git("status", "--porcelain", ":/", ":!/docs") else at
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def averages(load: Iterable[float]) -> str:
    """Load averages, as the pages print them."""
    return ", ".join(f"{one:.1f}" for one in load)


def _git(*asked: str) -> str:
    return subprocess.run(("git", *asked), capture_output=True, text=True, check=True).stdout
