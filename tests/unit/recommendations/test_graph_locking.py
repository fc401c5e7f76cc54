"""Folds and queries take turns: neither waits for more than one turn of the other."""

from __future__ import annotations

import threading

from services.recommendations.graph.locking import PhaseFairLock


def test_readers_share_and_a_writer_is_alone() -> None:
    lock = PhaseFairLock()
    inside = threading.Barrier(2, timeout=10)
    events: list[str] = []

    def read() -> None:
        with lock.read():
            inside.wait()
            events.append("read")

    def write() -> None:
        with lock.write():
            events.append("write begins")
            events.append("write ends")

    with lock.read():
        other = threading.Thread(target=read)
        other.start()
        inside.wait()
        writer = threading.Thread(target=write)
        writer.start()
        other.join(10)
        assert "write begins" not in events
    writer.join(10)
    assert events == ["read", "write begins", "write ends"]


def test_a_reader_gets_in_between_two_turns_of_a_writer_that_never_rests() -> None:
    lock = PhaseFairLock()
    served = threading.Event()
    turns_after_asking = 0
    asked = threading.Event()

    def write() -> None:
        nonlocal turns_after_asking
        while not served.is_set():
            with lock.write():
                turns_after_asking += asked.is_set()

    writer = threading.Thread(target=write)
    writer.start()
    turns = []
    for _ in range(50):
        asked.set()
        turns_after_asking = 0
        with lock.read():
            turns.append(turns_after_asking)
        asked.clear()
    served.set()
    writer.join(10)
    assert sorted(turns)[len(turns) // 2] <= 2


def test_a_writer_gets_in_although_readers_never_stop_coming() -> None:
    lock = PhaseFairLock()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with lock.read():
                pass

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(50):
        with lock.write():
            pass
    done.set()
    for reader in readers:
        reader.join(10)
        assert not reader.is_alive()


def test_an_error_inside_gives_the_turn_back() -> None:
    lock = PhaseFairLock()
    for turn in (lock.read, lock.write, lock.read, lock.write):
        try:
            with turn():
                raise ValueError
        except ValueError:
            continue
    with lock.write():
        pass
