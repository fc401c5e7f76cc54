"""The broker's jars: pinned, fetched once, checked, repaired when damaged."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from services.devstack.errors import DevstackError
from services.devstack.jars import LOCK, Jar, class_path, read_lock


def jar(name: str) -> Jar:
    return Jar(group="org.example", artifact=name, version="1", sha256=hashlib.sha256(name.encode()).hexdigest())


class Shop:
    """A repository that writes each jar's name into it, or what it was told to deliver instead."""

    def __init__(self, instead: dict[str, str] | None = None) -> None:
        self.fetched: list[str] = []
        self._instead = instead or {}

    def __call__(self, wanted: Jar, workspace: Path) -> Path:
        self.fetched.append(wanted.artifact)
        path = workspace / wanted.file_name
        path.write_text(self._instead.get(wanted.artifact, wanted.artifact))
        return path


JARS = [jar("broker"), jar("clients")]


def test_all_jars_come_in_class_path_order(tmp_path: Path) -> None:
    paths = class_path(tmp_path, fetch=Shop(), jars=JARS)
    assert [path.name for path in paths] == ["broker-1.jar", "clients-1.jar"]
    assert [path.read_text() for path in paths] == ["broker", "clients"]


def test_the_second_time_nothing_is_fetched(tmp_path: Path) -> None:
    class_path(tmp_path, fetch=Shop(), jars=JARS)
    shop = Shop()
    class_path(tmp_path, fetch=shop, jars=JARS)
    assert shop.fetched == []


def test_only_what_is_missing_is_fetched(tmp_path: Path) -> None:
    class_path(tmp_path, fetch=Shop(), jars=JARS)[0].unlink()
    shop = Shop()
    class_path(tmp_path, fetch=shop, jars=JARS)
    assert shop.fetched == ["broker"]


def test_a_fetch_that_was_cut_off_is_repaired(tmp_path: Path) -> None:
    with pytest.raises(DevstackError):
        class_path(tmp_path, fetch=Shop(instead={"clients": "half"}), jars=JARS)
    assert [path.read_text() for path in class_path(tmp_path, fetch=Shop(), jars=JARS)] == ["broker", "clients"]


def test_a_jar_with_another_checksum_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match=r"clients-1\.jar is not the pinned file"):
        class_path(tmp_path, fetch=Shop(instead={"clients": "evil"}), jars=JARS)


def test_a_repository_that_does_not_answer_is_named_in_one_sentence(tmp_path: Path) -> None:
    def unreachable(wanted: Jar, workspace: Path) -> Path:
        raise OSError("no route to host")

    with pytest.raises(DevstackError, match=r"broker-1\.jar could not be fetched: no route to host"):
        class_path(tmp_path, fetch=unreachable, jars=JARS[:1])


def test_other_pins_use_another_directory(tmp_path: Path) -> None:
    assert (
        class_path(tmp_path, fetch=Shop(), jars=JARS)[0].parent
        != class_path(tmp_path, fetch=Shop(), jars=JARS[:1])[0].parent
    )


def test_the_lock_pins_every_jar_by_version_and_checksum_and_names_no_host() -> None:
    pinned = read_lock()
    assert all(re.fullmatch(r"[0-9a-f]{64}", each.sha256) for each in pinned)
    assert len({(each.group, each.artifact) for each in pinned}) == len(pinned)
    assert {each.version for each in pinned if each.group == "org.apache.kafka"} == {"4.3.1"}
    assert "://" not in LOCK.read_text()
