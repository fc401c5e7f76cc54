"""The graph in one file: written whole or not at all, read only if every byte is the one that was written.

Layout: magic, format version (u16) and header length (u32), header (JSON), columns, blake2b-256 of all before it;
little endian throughout. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.recommendations.graph.graph import Graph
from services.recommendations.graph.model import Digest, GraphError, GraphSettings, Position
from services.recommendations.graph.state import State, from_used_columns, used_columns

MAGIC = b"ACQGRAPH"
FORMAT = 1
_HEAD = struct.Struct("<8sHI")
_CHECKSUM = 32


class SnapshotError(GraphError):
    """The bytes are not a snapshot that this graph can go on from; the message says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a graph at one position."""

    settings: GraphSettings
    position: Position
    digest: Digest
    state: State
    ids: tuple[str, ...]

    @classmethod
    def take(cls, graph: Graph) -> Snapshot:
        """Copies the graph between two chunks of a fold; queries go on meanwhile."""
        state, ids, position, digest = graph.copied()
        return cls(settings=graph.settings, position=position, digest=digest, state=state, ids=tuple(ids))

    def encode(self) -> bytes:
        """The content of a snapshot file, in one piece."""
        return b"".join(self.parts())

    def parts(self) -> Iterator[bytes | memoryview]:
        """The content of a snapshot file, piece by piece, without another copy of the graph."""
        names = [one.encode() for one in self.ids]
        columns: dict[str, NDArray[Any]] = {
            "ids.length": np.array([len(one) for one in names], np.uint32),
            "ids.bytes": np.frombuffer(b"".join(names), np.uint8),
            **dict(used_columns(self.state, len(self.ids))),
        }
        header = json.dumps(
            {
                "organisation": self.settings.organisation,
                "fold": _shape(self.settings),
                "position": asdict(self.position),
                "digest": asdict(self.digest),
                "columns": [[name, column.dtype.str, len(column)] for name, column in columns.items()],
            }
        ).encode()
        pieces: list[Any] = [_HEAD.pack(MAGIC, FORMAT, len(header)), header]
        pieces += [column.data for column in columns.values()]
        checksum = blake2b(digest_size=_CHECKSUM)
        for piece in pieces:
            checksum.update(piece)
            yield piece
        yield checksum.digest()

    @staticmethod
    def decode(data: bytes, settings: GraphSettings) -> Graph:
        """The graph that `data` holds. Raises SnapshotError with the reason when there is none to go on from."""
        header, columns = _unpacked(data)
        if header["organisation"] != settings.organisation:
            raise SnapshotError(f"it belongs to organisation {header['organisation']!r}")
        if header["fold"] != _shape(settings):
            raise SnapshotError("it was folded with other settings")
        ends = np.cumsum(columns["ids.length"], dtype=np.int64).tolist()
        text = columns["ids.bytes"].tobytes()
        ids = [text[begin:end].decode() for begin, end in zip([0, *ends], ends, strict=False)]
        try:
            state = from_used_columns(columns, len(ids))
        except (KeyError, ValueError) as error:
            raise SnapshotError(f"its columns are not those of this version: {error}") from error
        return Graph.restored(settings, state, ids, Position(**header["position"]), Digest(**header["digest"]))


def _shape(settings: GraphSettings) -> dict[str, Any]:
    return {"half_life_us": settings.half_life_us, "left_out_sources": sorted(settings.left_out_sources)}


def _unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and columns (views of `data`). The checksum is looked at before anything is interpreted."""
    if len(data) < _HEAD.size + _CHECKSUM or not data.startswith(MAGIC):
        raise SnapshotError("it is no graph snapshot")
    _, version, length = _HEAD.unpack_from(data)
    if version != FORMAT:
        raise SnapshotError(f"it has format {version}, this version reads {FORMAT}")
    if blake2b(memoryview(data)[:-_CHECKSUM], digest_size=_CHECKSUM).digest() != data[-_CHECKSUM:]:
        raise SnapshotError("its checksum does not fit: it is cut short or damaged")
    header = json.loads(data[_HEAD.size : _HEAD.size + length])
    columns = {}
    at = _HEAD.size + length
    for name, kind, count in header["columns"]:
        columns[name] = np.frombuffer(data, kind, count, at)
        at += columns[name].nbytes
    return header, columns
