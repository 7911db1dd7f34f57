"""The profiles: each written down once, and known to Hypothesis."""

import pytest
from hypothesis import settings

from harness.errors import HarnessError
from harness.search import profiles
from harness.search.profiles import PROFILES, SHARDS, profile_named


def test_there_are_four() -> None:
    assert set(PROFILES) == {"dev", "ci", "nightly", "replay"}


def test_each_shard_has_something_to_do() -> None:
    assert all(profile.runs >= SHARDS for profile in PROFILES.values())


def test_replay_draws_nothing() -> None:
    assert [name for name, one in PROFILES.items() if not one.draws] == ["replay"]


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


def test_hypothesis_knows_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings.get_current_profile_name()
    monkeypatch.delenv("CI", raising=False)
    try:
        profiles.register()
        assert settings.get_current_profile_name() == "dev"
        for name in PROFILES:
            settings.load_profile(name)
    finally:
        settings.load_profile(before)
