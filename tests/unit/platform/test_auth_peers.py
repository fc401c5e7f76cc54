"""The token a service shows to its peers is renewed in time and read again from its file."""

from __future__ import annotations

from pathlib import Path

import jwt

from services.platform.auth import peer_token
from services.platform.settings import AuthSettings, PeerSettings, ServiceSettings
from services.platform.testing import ManualClock

KEY = "a key for tests only, 32 characters or more"


def settings(peers: PeerSettings | None = None, mode: str = "disabled") -> ServiceSettings:
    auth = AuthSettings.model_validate({"mode": mode, "development_key": KEY})
    return ServiceSettings(environment="development", auth=auth, peers=peers or PeerSettings())


def test_a_development_token_is_renewed_long_before_it_ends() -> None:
    clock = ManualClock()
    token = peer_token(settings(mode="development"), clock)
    for _ in range(10):
        claims = jwt.decode(token(), options={"verify_signature": False})
        assert claims["exp"] - clock.now().timestamp() > 11 * 3600
        assert claims["client"] == "service"
        clock.advance(5 * 3600)


def test_a_token_file_may_be_replaced_while_the_service_runs(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", ManualClock()
    file.write_text("first\n")
    token = peer_token(settings(PeerSettings(token_file=file)), clock)
    assert token() == "first"
    file.write_text("second\n")
    clock.advance(60)
    assert token() == "second"


def test_without_any_token_nothing_is_shown() -> None:
    assert peer_token(settings(), ManualClock())() == ""
    assert peer_token(settings(PeerSettings(token="given")), ManualClock())() == "given"
