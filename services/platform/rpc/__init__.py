"""The gRPC server of a service, and its calls to others."""

from services.platform.call import CallContext, current_call
from services.platform.rpc.client import acting_for, connect
from services.platform.rpc.server import Mount, Server

__all__ = ["CallContext", "Mount", "Server", "acting_for", "connect", "current_call"]
