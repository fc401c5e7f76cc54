"""Settings: every one documented, wrong ones refused by the name of their variable, secrets never shown."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.settings import AuthSettings, ServiceSettings, SettingsInvalid, Variable, load, variables

KEY = "a key for tests only, 32 characters or more"
DEVELOPMENT = {
    "ACQUAINT_ENVIRONMENT": "development",
    "ACQUAINT_AUTH__MODE": "development",
    "ACQUAINT_AUTH__DEVELOPMENT_KEY": KEY,
}
ALL = list(variables(ServiceSettings))


class Example(ServiceSettings):
    service: ClassVar[str] = "example"
    default_port: ClassVar[int] = 50099


def loaded(**environment: str) -> Example:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return load(Example)


def refusal(**environment: str) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        loaded(**environment)
    return str(caught.value)


def test_every_setting_is_documented() -> None:
    assert [variable.name for variable in ALL if not variable.description.endswith(".")] == []


def test_a_service_has_its_own_port_and_database_unless_told_otherwise() -> None:
    settings = loaded(**DEVELOPMENT)
    assert (settings.rpc.port, settings.mongo.database) == (50099, "acquaint_example")
    settings = loaded(**DEVELOPMENT, ACQUAINT_RPC__PORT="0", ACQUAINT_MONGO__DATABASE="other")
    assert (settings.rpc.port, settings.mongo.database) == (0, "other")


def test_nothing_runs_without_authentication_unless_told_so() -> None:
    assert "ACQUAINT_AUTH__MODE jwt needs exactly one of ACQUAINT_AUTH__JWKS_URL" in refusal()
    assert loaded(ACQUAINT_AUTH__MODE="disabled").auth.mode == "disabled"


def test_a_development_key_needs_a_development_stack_on_loopback() -> None:
    assert "ACQUAINT_ENVIRONMENT" in refusal(**{**DEVELOPMENT, "ACQUAINT_ENVIRONMENT": "production"})
    assert "ACQUAINT_RPC__HOST" in refusal(**DEVELOPMENT, ACQUAINT_RPC__HOST="0.0.0.0")
    assert "ACQUAINT_AUTH__DEVELOPMENT_KEY" in refusal(**{**DEVELOPMENT, "ACQUAINT_AUTH__DEVELOPMENT_KEY": "short"})
    assert loaded(**DEVELOPMENT, ACQUAINT_RPC__HOST="::1").rpc.host == "::1"


def test_all_wrong_settings_are_named_at_once() -> None:
    text = refusal(**DEVELOPMENT, ACQUAINT_RPC__PORT="70000", ACQUAINT_KAFKA__BOOTSTRAP="nowhere")
    assert "ACQUAINT_RPC__PORT" in text
    assert "70000" in text
    assert "ACQUAINT_KAFKA__BOOTSTRAP: must be host:port (got 'nowhere')" in text


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [
        ("ACQUAINT_KAFKA__BOTSTRAP", "ACQUAINT_KAFKA__BOTSTRAP: there is no such setting"),
        ("ACQUAINT_KAFFKA__BOOTSTRAP", "ACQUAINT_KAFKA__BOOTSTRAP is meant?"),
        ("ACQUAINT_RPC_PORT", "ACQUAINT_RPC__PORT is meant?"),
        ("acquaint_enviroment", "ACQUAINT_ENVIRONMENT is meant?"),
    ],
)
def test_a_misspelt_setting_is_refused_instead_of_ignored(given_name: str, meant: str) -> None:
    assert meant in refusal(**DEVELOPMENT, **{given_name: "1.2.3.4:1"})


def test_variables_of_others_that_begin_like_ours_are_left_alone() -> None:
    loaded(**DEVELOPMENT, ACQUAINT_PROFILES_PORT="tcp://10.0.0.1:50051", ACQUAINT_NO_ANIMATION="1")


def test_a_value_that_is_not_json_where_json_is_needed_is_refused_by_name() -> None:
    assert "ACQUAINT_KAFKA: cannot be read" in refusal(**DEVELOPMENT, ACQUAINT_KAFKA="nonsense")


def test_clients_come_as_json_and_a_wrong_grant_is_named() -> None:
    clients = {"hr": {"methods": ["acquaint.profiles.v1.ProfileService/*"], "sources": ["hr"]}}
    settings = loaded(**DEVELOPMENT, ACQUAINT_AUTH__CLIENTS=json.dumps(clients))
    assert settings.auth.clients["hr"].acting_for == frozenset()
    wrong = json.dumps({"hr": {"method": ["*"]}})
    assert "ACQUAINT_AUTH__CLIENTS__HR__METHOD: there is no such" in refusal(
        **DEVELOPMENT, ACQUAINT_AUTH__CLIENTS=wrong
    )


def test_credentials_belong_together() -> None:
    text = refusal(**DEVELOPMENT, ACQUAINT_KAFKA__SECURITY_PROTOCOL="SASL_SSL", ACQUAINT_RPC__KEY_FILE="/k.pem")
    assert "ACQUAINT_KAFKA__SASL_USERNAME" in text
    assert "ACQUAINT_RPC__CERTIFICATE_FILE" in text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


NUMERIC = [variable for variable in ALL if variable.default is not None and _is_number(variable.default)]


@given(variable=st.sampled_from(NUMERIC), value=st.text(st.characters(codec="ascii", categories=["L"]), min_size=1))
def test_text_where_a_number_belongs_is_always_refused_by_name(variable: Variable, value: str) -> None:
    if _is_number(value):  # "inf" and "nan" are numbers to pydantic as well
        return
    assert f"{variable.name}: " in refusal(**{**DEVELOPMENT, variable.name: value})


@given(variable=st.sampled_from(NUMERIC))
def test_a_number_far_below_anything_sensible_is_always_refused_by_name(variable: Variable) -> None:
    assert f"{variable.name}: " in refusal(**{**DEVELOPMENT, variable.name: "-1e9"})


SECRETS = [variable for variable in ALL if variable.secret]


@given(variable=st.sampled_from(SECRETS), value=st.text(st.sampled_from("#%&QZX"), min_size=8, max_size=30))
def test_a_secret_is_in_no_refusal_and_no_representation(variable: Variable, value: str) -> None:
    environment = {**DEVELOPMENT, variable.name: value}
    try:
        shown: Any = repr(loaded(**environment))
    except SettingsInvalid as error:
        shown = str(error)
    assert value not in shown


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(ValueError, match="frozen"):
        AuthSettings(mode="disabled").mode = "jwt"  # type: ignore[misc]
