"""Who calls, and whether they may: every method declares its audience, and what is not declared is refused."""

from services.platform.auth.authenticator import Authenticator
from services.platform.auth.policy import Policy, policy_of
from services.platform.auth.principal import Principal
from services.platform.auth.tokens import development_token, peer_token

__all__ = ["Authenticator", "Policy", "Principal", "development_token", "peer_token", "policy_of"]
