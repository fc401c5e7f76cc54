"""Random journals for the properties of the graph."""

from __future__ import annotations

from hypothesis import strategies as st

from services.recommendations.graph import FoldRecord, GraphSettings

SECOND = 1_000_000
SETTINGS = GraphSettings(organisation="acme", half_life_days=10 / 86_400)  # ten seconds


def person(number: int) -> str:
    return f"p{number:03}"


def record(
    sequence: int, initiator: int | None, participants: list[int], *, second: int = 100, kind: int = 1
) -> FoldRecord:
    return FoldRecord(
        sequence=sequence,
        record_id=f"i{sequence}",
        time_us=second * SECOND,
        kind=kind,
        initiator="" if initiator is None else person(initiator),
        participants=tuple(person(one) for one in participants),
    )


@st.composite
def journals(draw: st.DrawFn, *, people: int = 12, seconds: int = 200, records: int = 40) -> list[FoldRecord]:
    """Records in sequence with times in any order, some tombstones, some without initiator."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(0, seconds * SECOND),
                st.integers(0, 5),
                st.one_of(st.none(), st.integers(0, people - 1)),
                st.lists(st.integers(0, people - 1), max_size=6),
                st.booleans() if draw(st.booleans()) else st.just(True),
            ),
            max_size=records,
        )
    )
    return [
        FoldRecord(
            sequence=sequence,
            record_id=f"i{sequence}" if kept else "",
            time_us=time_us,
            kind=kind,
            initiator="" if initiator is None else person(initiator),
            participants=tuple(person(one) for one in participants),
        )
        for sequence, (time_us, kind, initiator, participants, kept) in enumerate(drawn, 1)
    ]
