"""MongoDB, and the only importer of its driver: majority and journaled writes, majority reads from the primary.

motor reaches its end of life on 2026-05-14; PyMongo's own async client would be a change of this package alone.
"""

from services.platform.mongo.admin import admin_command
from services.platform.mongo.collection import (
    Collection,
    DeleteOne,
    Document,
    InsertOne,
    ReplaceOne,
    Session,
    UpdateOne,
    Write,
    Written,
)
from services.platform.mongo.database import Database, Storage
from services.platform.mongo.errors import DatabaseError, DatabaseUnavailable, DuplicateKey
from services.platform.mongo.indexes import ASCENDING, DESCENDING, Index

__all__ = [
    "ASCENDING",
    "Collection",
    "DESCENDING",
    "Database",
    "DatabaseError",
    "DatabaseUnavailable",
    "DeleteOne",
    "Document",
    "DuplicateKey",
    "Index",
    "InsertOne",
    "ReplaceOne",
    "Session",
    "Storage",
    "UpdateOne",
    "Write",
    "Written",
    "admin_command",
]
