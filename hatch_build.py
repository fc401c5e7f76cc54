"""Build hook: the Python stubs of `protos/` are generated at build and install, never committed.

They land in `generated/` (packages `acquaint` and `buf`), which the wheel carries and the editable install points to.
Protos of others come from the wheels that ship them: `buf/validate` only as a descriptor, `google/rpc` as files.
By hand: `python hatch_build.py` generates, `python hatch_build.py --descriptors FILE` writes a descriptor set for buf.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VALIDATE = "buf/validate/validate.proto"
VALIDATE_IMPORTS = [f"google/protobuf/{name}.proto" for name in ("descriptor", "duration", "field_mask", "timestamp")]


def protoc(*arguments: str) -> None:
    """Run protoc in this process.

    Raises:
        RuntimeError: it refused; it has already printed file, line and cause.
    """
    from grpc_tools import protoc as compiler

    if compiler.main(["protoc", *arguments]) != 0:
        raise RuntimeError("protoc failed on " + " ".join(arguments[-2:]))


def includes(root: Path) -> list[str]:
    """The include flags under which our own protos, google/protobuf and google/rpc are found, in this order."""
    import google.rpc
    import grpc_tools

    rpc = Path(next(iter(google.rpc.__path__))).parents[1]
    return [f"-I{path}" for path in (root / "protos", Path(grpc_tools.__file__).parent / "_proto", rpc)]


def plugin(name: str) -> str:
    """The flag that points protoc to a plugin installed beside this interpreter or on the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed: pip install mypy-protobuf")
    return f"--plugin={name}={found}"


def varint(number: int) -> bytes:
    """Protobuf's base-128 encoding of a non-negative integer."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def validate_descriptors(root: Path, scratch: Path) -> str:
    """The flag for a descriptor set of `buf/validate` and what it imports, written into `scratch`."""
    from protovalidate._gen.buf.validate import validate_pb

    imports, target = scratch / "imports.binpb", scratch / "validate.binpb"
    protoc(*includes(root), "--include_imports", f"-o{imports}", *VALIDATE_IMPORTS)
    body = validate_pb.desc().proto.to_binary()
    # A FileDescriptorSet is nothing but a repeated field 1: two of them concatenated are their union.
    target.write_bytes(imports.read_bytes() + b"\x0a" + varint(len(body)) + body)
    return f"--descriptor_set_in={target}"


def own_protos(root: Path) -> list[str]:
    """Every proto of the project relative to `protos/`, in a stable order."""
    return sorted(path.relative_to(root / "protos").as_posix() for path in (root / "protos").rglob("*.proto"))


def generate(root: Path) -> None:
    """Generate messages, services and type stubs into `root/generated`, replacing what was there."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        out = scratch / "generated"
        out.mkdir()
        descriptors = validate_descriptors(root, scratch)
        messages = [plugin("protoc-gen-mypy"), f"--python_out={out}", f"--mypy_out=quiet:{out}"]
        services = [plugin("protoc-gen-mypy_grpc"), f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}"]
        protoc(descriptors, *messages, VALIDATE)
        protoc(*includes(root), descriptors, *messages, *services, *own_protos(root))
        for folder in {path.parent for path in out.rglob("*_pb2.py")}:
            for package in [folder, *folder.parents]:
                if package == out:
                    break
                (package / "__init__.py").touch()
                (package / "py.typed").touch()
        shutil.rmtree(root / "generated", ignore_errors=True)
        shutil.copytree(out, root / "generated")


def write_descriptors(root: Path, target: Path) -> None:
    """Write one descriptor set of all protos with imports and comments, the form `buf lint` and `buf breaking` take."""
    with tempfile.TemporaryDirectory() as name:
        descriptors = validate_descriptors(root, Path(name))
        flags = ["--include_imports", "--include_source_info", f"-o{target}"]
        protoc(*includes(root), descriptors, *flags, *own_protos(root))


class StubsHook(BuildHookInterface[Any]):
    """Generates the stubs before a wheel or an editable install is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build; `version` is "standard" or "editable"."""
        generate(Path(self.root))


def main(arguments: Sequence[str]) -> None:
    """Entry for use by hand, see the top of this file."""
    root = Path(__file__).resolve().parent
    if arguments[:1] == ["--descriptors"]:
        write_descriptors(root, Path(arguments[1]))
    else:
        generate(root)


if __name__ == "__main__":
    main(sys.argv[1:])
