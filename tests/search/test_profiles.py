"""The profiles: each written down once, and known to Hypothesis."""

from pathlib import Path

import pytest
from hypothesis import Phase, settings

from harness.errors import HarnessError
from harness.search import profiles
from harness.search.profiles import PROFILES, SHARDS, profile_named


def test_there_are_four() -> None:
    assert set(PROFILES) == {"dev", "ci", "nightly", "replay"}


def test_each_shard_has_something_to_do() -> None:
    assert all(profile.runs >= SHARDS for profile in PROFILES.values())


def test_replay_draws_nothing() -> None:
    assert Phase.generate not in PROFILES["replay"].phases
    assert Phase.reuse in PROFILES["replay"].phases


def test_only_by_night_every_fault_may_be_a_crash() -> None:
    all_crashes = [name for name, one in PROFILES.items() if one.limits.crashes is None]
    assert all_crashes == ["nightly"]
    assert PROFILES["nightly"].limits.faults == 8
    assert PROFILES["ci"].limits.crashes == 3
    assert PROFILES["ci"].limits.restarts == 2


def test_dev_is_the_default_and_ci_where_ci_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert profile_named(None).name == "dev"
    monkeypatch.setenv("CI", "true")
    assert profile_named(None).name == "ci"
    assert profile_named("nightly").name == "nightly"


def test_a_profile_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(HarnessError, match="weekly: there are dev, ci, nightly, replay"):
        profile_named("weekly")


def test_hypothesis_keeps_what_failed_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings.get_current_profile_name()
    monkeypatch.delenv("CI", raising=False)
    try:
        profiles.register(tmp_path)
        assert settings.get_current_profile_name() == "dev"
        assert str(tmp_path) in repr(settings.get_profile("nightly").database)
    finally:
        settings.load_profile(before)
