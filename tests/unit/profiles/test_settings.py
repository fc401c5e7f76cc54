"""Settings that would lose or expose something are refused at the start by name."""

from __future__ import annotations

import pytest

from services.platform.settings import SettingsInvalid, load
from services.profiles.settings import ProfilesSettings

DEVELOPMENT = {
    "ACQUAINT_ENVIRONMENT": "development",
    "ACQUAINT_AUTH__MODE": "development",
    "ACQUAINT_AUTH__DEVELOPMENT_KEY": "k" * 32,
}


def settings_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ProfilesSettings:
    for name, value in (DEVELOPMENT | variables).items():
        monkeypatch.setenv(name, value)
    return load(ProfilesSettings)


def test_development_needs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(monkeypatch)
    assert (settings.rpc.port, settings.mongo.database) == (50051, "acquaint_profiles")
    assert "title" in settings.people.ownership["hr"]
    assert settings.identity_hash_key


def test_production_needs_a_key_for_the_hashes_of_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match="ACQUAINT_PEOPLE__IDENTITY_HASH_KEY"):
        settings_of(monkeypatch, ACQUAINT_ENVIRONMENT="production", ACQUAINT_AUTH__MODE="disabled")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACQUAINT_PEOPLE__OWNERSHIP", '{"hr": ["nickname"]}'),
        ("ACQUAINT_PEOPLE__OWNERSHIP", '{"hr": ["joining"]}'),
        ("ACQUAINT_PEOPLE__TIME_ZONE", "Mars/Olympus"),
        ("ACQUAINT_PEOPLE__IDENTITY_HASH_KEY", "short"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        settings_of(monkeypatch, **{name: value})


def test_another_feed_may_own_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(monkeypatch, ACQUAINT_PEOPLE__OWNERSHIP='{"directory": ["contact"]}')
    assert settings.people.ownership == {"directory": frozenset({"contact"})}
