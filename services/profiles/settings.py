"""The settings of the profiles service: who owns which field, which zone people are in who name none."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from services.platform.settings import ServiceSettings
from services.platform.settings.group import Group
from services.profiles.domain.ownership import HR_FIELDS, SET_BY_THE_SERVICE
from services.profiles.domain.rules import problem_with_zone
from services.profiles.people.views import FIELDS

_DEVELOPMENT_KEY = "development-identity-hash-key"


class PeopleSettings(Group):
    """How people are kept."""

    ownership: dict[str, frozenset[str]] = Field(
        default={"hr": HR_FIELDS},
        description="Fields that each feed owns, as JSON: it may change them in people who exist, and the person may "
        "not. The person owns the rest.",
    )
    time_zone: str = Field(default="UTC", description="Zone of people whose profile names none: the organisation's.")
    identity_hash_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key of the hashes by which identities of erased people are recognised; 16 characters or more, "
        "kept as long as the database. Needed in production.",
    )

    @field_validator("ownership")
    @classmethod
    def _names_fields(cls, value: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        for source, fields in value.items():
            if unknown := sorted(fields - FIELDS):
                raise ValueError(f"{source}: there are no fields {', '.join(unknown)}")
            if internal := sorted(fields & SET_BY_THE_SERVICE):
                raise ValueError(f"{source}: no feed can own {', '.join(internal)}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if problem := problem_with_zone(value):
            raise ValueError(problem)
        return value or "UTC"

    @field_validator("identity_hash_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError("must have 16 characters or more")
        return value


class ProfilesSettings(ServiceSettings):
    """All settings of the profiles service."""

    service: ClassVar[str] = "profiles"
    default_port: ClassVar[int] = 50051

    people: PeopleSettings = Field(default=PeopleSettings(), description="How people are kept.")

    @model_validator(mode="after")
    def _production_has_its_own_key(self) -> Self:
        if self.environment == "production" and not self.people.identity_hash_key.get_secret_value():
            raise ValueError("ACQUAINT_PEOPLE__IDENTITY_HASH_KEY is needed in production")
        return self

    @property
    def identity_hash_key(self) -> str:
        """The key in use; development has one that is no secret."""
        return self.people.identity_hash_key.get_secret_value() or _DEVELOPMENT_KEY
