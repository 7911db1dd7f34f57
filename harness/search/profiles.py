"""How long a search may look: the profiles of `--hypothesis-profile`, each written down once.

    dev       a few schedules, for whoever changes something
    ci        what each change has to pass; kept short enough to be run always
    nightly   as long as the night, with up to eight faults a schedule
    replay    draws nothing: what failed before is run again

The figures are for a whole session, over all its shards. Time counts until something is found;
what shrinking and running again may cost comes on top.
"""

import os
from pathlib import Path

import msgspec
from hypothesis import settings

from harness.errors import HarnessError
from harness.schedule.limits import Limits

SHARDS = 8  # a property test is so many tests, for pytest -n to deal out
MEMORY = Path(".hypothesis")  # Hypothesis's own folder, below the project's root


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a session's search.

    `runs` schedules are run in all, within `time_s` seconds; what breaks is shrunk by at most
    `shrink_runs` more and then run `again` times as it stands. `draws` is
    whether anything is drawn after what failed before, `keeps_green` whether the journals of runs
    that hold are kept.
    """

    name: str
    runs: int
    time_s: float
    shrink_runs: int
    again: int
    limits: Limits = Limits()
    draws: bool = True
    keeps_green: bool = True


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(name="dev", runs=16, time_s=120, shrink_runs=40, again=2),
        Profile(name="ci", runs=64, time_s=300, shrink_runs=60, again=3),
        Profile(
            name="nightly",
            runs=20_000,
            time_s=6 * 3600,
            shrink_runs=300,
            again=10,
            limits=Limits.of_a_night(),
            keeps_green=False,
        ),
        Profile(
            name="replay",
            runs=16,
            time_s=600,
            shrink_runs=60,
            again=10,
            draws=False,
        ),
    )
}


def register() -> None:
    """Make the names known to Hypothesis, whose option chooses one; what a search does is ours."""
    for name in PROFILES:
        settings.register_profile(name, settings())
    settings.load_profile(_by_default())


def profile_named(name: str | None) -> Profile:
    """The profile of this name, or the one that is loaded without one; HarnessError if unknown."""
    name = name or _by_default()
    if name not in PROFILES:
        raise HarnessError(f"--hypothesis-profile {name}: there are {', '.join(PROFILES)}")
    return PROFILES[name]


def _by_default() -> str:
    return "ci" if os.environ.get("CI") else "dev"
