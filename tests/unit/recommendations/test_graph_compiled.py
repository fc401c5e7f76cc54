"""Compiled kernels are kept from start to start, and never beyond a change of what they were compiled from."""

from __future__ import annotations

from pathlib import Path

from services.recommendations.graph.compiled import cache_directory


def test_a_change_of_any_file_beside_a_kernel_compiles_anew_and_no_other_does(tmp_path: Path) -> None:
    package, base = tmp_path / "package", tmp_path / "cache"
    for folder in ("graph", "api"):
        (package / folder).mkdir(parents=True)
    (package / "graph" / "fold.py").write_text("@kernel\ndef fold(): ...\n")
    (package / "graph" / "limits.py").write_text("SLOTS = 64\n")
    (package / "api" / "rpc.py").write_text("import grpc\n")
    before = cache_directory(package, base)
    assert before.parent == base
    (package / "api" / "rpc.py").write_text("import grpc.aio\n")
    assert cache_directory(package, base) == before
    (package / "graph" / "limits.py").write_text("SLOTS = 65\n")
    assert cache_directory(package, base) != before
