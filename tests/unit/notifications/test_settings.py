"""Settings that would send the same mail twice are refused at the start by name."""

from __future__ import annotations

import pytest

from services.notifications.settings import Settings
from services.platform.settings import SettingsInvalid, load

DEVELOPMENT = {
    "ACQUAINT_ENVIRONMENT": "development",
    "ACQUAINT_AUTH__MODE": "development",
    "ACQUAINT_AUTH__DEVELOPMENT_KEY": "k" * 32,
    "ACQUAINT_SMTP__HOST": "mail.example.org",
}


def settings_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in (DEVELOPMENT | variables).items():
        monkeypatch.setenv(name, value)
    return load(Settings)


def test_what_is_set_by_default_fits_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch).delivery.claim_seconds == 120


def test_a_claim_must_outlast_the_sends_of_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match="ACQUAINT_DELIVERY__CLAIM_SECONDS"):
        settings_of(monkeypatch, ACQUAINT_DELIVERY__BATCH="1000")
    assert settings_of(monkeypatch, ACQUAINT_DELIVERY__BATCH="1000", ACQUAINT_DELIVERY__CONCURRENT_SENDS="256")
