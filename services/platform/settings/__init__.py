"""Every setting of the platform is a documented field here; wrong ones are refused at start by name.

A setting is an environment variable: `ACQUAINT_` + group + `__` + field, for example `ACQUAINT_MONGO__URI`.
"""

from services.platform.settings.connections import KafkaSettings, MongoSettings, PeerSettings
from services.platform.settings.group import Group
from services.platform.settings.pipeline import ConsumerSettings, JournalSettings, RelaySettings
from services.platform.settings.service import ServiceSettings, load
from services.platform.settings.serving import AuthSettings, ClientGrant, RpcSettings, TelemetrySettings
from services.platform.settings.variables import SettingsInvalid, Variable, variables

__all__ = [
    "AuthSettings",
    "ClientGrant",
    "ConsumerSettings",
    "Group",
    "JournalSettings",
    "KafkaSettings",
    "MongoSettings",
    "PeerSettings",
    "RelaySettings",
    "RpcSettings",
    "ServiceSettings",
    "SettingsInvalid",
    "TelemetrySettings",
    "Variable",
    "load",
    "variables",
]
