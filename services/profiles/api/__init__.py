"""The gRPC services: requests become calls of `people`, outcomes become answers, and nothing else happens here."""

from services.profiles.api.boundary_service import BoundaryService
from services.profiles.api.profile_service import ProfileService

__all__ = ["BoundaryService", "ProfileService"]
