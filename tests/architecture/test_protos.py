"""The protos keep the house rules: buf's STANDARD and COMMENTS lint, no breaking change since the last release, and
every method, topic and profile field declares what the platform enforces."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from acquaint.options.v1 import options_pb2
from google.protobuf.descriptor import FileDescriptor

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sys.executable).parent / "buf"


def describe(root: Path, target: Path) -> Path:
    subprocess.run([sys.executable, str(root / "hatch_build.py"), "--descriptors", str(target)], check=True, cwd=root)
    return target


def buf(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BUF), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def own_files() -> list[FileDescriptor]:
    names = sorted(path.relative_to(ROOT / "protos") for path in (ROOT / "protos").rglob("*.proto"))
    return [importlib.import_module(str(n.with_suffix("")).replace("/", ".") + "_pb2").DESCRIPTOR for n in names]


def test_the_protos_pass_the_linter(tmp_path: Path) -> None:
    result = buf("lint", str(describe(ROOT, tmp_path / "all.binpb")), "--config", "buf.yaml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_proto_that_breaks_a_rule_fails_the_linter(tmp_path: Path) -> None:
    (tmp_path / "protos/acquaint/bad/v1").mkdir(parents=True)
    (tmp_path / "protos/acquaint/bad/v1/bad.proto").write_text(
        'syntax = "proto3";\npackage acquaint.bad.v1;\nmessage bad_name {}\n'
    )
    (tmp_path / "hatch_build.py").write_text((ROOT / "hatch_build.py").read_text())
    result = buf("lint", str(describe(tmp_path, tmp_path / "all.binpb")), "--config", "buf.yaml")
    assert result.returncode != 0
    assert "bad_name" in result.stdout


def test_nothing_breaks_those_who_use_the_last_release(tmp_path: Path) -> None:
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if not tag:
        return  # before the first release there is nobody to break
    archive = subprocess.run(
        ["git", "archive", tag, "protos", "hatch_build.py"], cwd=ROOT, capture_output=True, check=True
    )
    released = tmp_path / "released"
    released.mkdir()
    subprocess.run(["tar", "-x", "-C", str(released)], input=archive.stdout, check=True)
    before, now = describe(released, tmp_path / "before.binpb"), describe(ROOT, tmp_path / "now.binpb")
    result = buf("breaking", str(now), "--against", str(before), "--config", "buf.yaml", "--against-config", "buf.yaml")
    assert result.returncode == 0, result.stdout + result.stderr


def methods() -> list[tuple[str, options_pb2.MethodPolicy]]:
    return [
        (method.full_name, method.GetOptions().Extensions[options_pb2.method])
        for file in own_files()
        for service in file.services_by_name.values()
        for method in service.methods
    ]


def test_every_method_says_whom_it_admits() -> None:
    assert methods()
    assert [name for name, policy in methods() if not policy.audience] == []


def test_every_method_open_to_a_person_names_the_field_that_holds_the_person() -> None:
    missing = []
    for file in own_files():
        for service in file.services_by_name.values():
            for method in service.methods:
                policy = method.GetOptions().Extensions[options_pb2.method]
                if options_pb2.AUDIENCE_SELF not in policy.audience:
                    continue
                message = method.input_type
                *path, last = (policy.person_field or "person_id").split(".")
                for part in path:
                    message = message.fields_by_name[part].message_type
                if last not in message.fields_by_name:
                    missing.append(method.full_name)
    assert missing == []


def test_every_event_travels_on_a_declared_topic_and_every_topic_has_an_event() -> None:
    declared, used = set(), set()
    for file in own_files():
        declared |= {topic.name for topic in file.GetOptions().Extensions[options_pb2.topic]}
        for message in file.message_types_by_name.values():
            used |= set(message.GetOptions().Extensions[options_pb2.event].topic)
    assert declared
    assert used == declared


@pytest.mark.parametrize("message", ["Profile"])
def test_every_profile_field_declares_who_may_see_it(message: str) -> None:
    from acquaint.profiles.v1 import profile_pb2

    descriptor = profile_pb2.DESCRIPTOR.message_types_by_name[message]
    silent = [f.name for f in descriptor.fields if not f.GetOptions().Extensions[options_pb2.visibility]]
    assert silent == []
