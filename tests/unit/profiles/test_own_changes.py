"""Where no feed owns identities or the manager, a person who changes them meets what a feed would meet."""

from __future__ import annotations

from acquaint.profiles.v1.profile_pb2 import Identity, Profile

from services.profiles.domain.ownership import Ownership
from services.profiles.people.editing import update

NOBODY_OWNS = Ownership(feeds={})


def test_identities_and_manager_that_a_person_names_are_looked_up_before_they_are_taken() -> None:
    wanted = Profile(person_id="ada", manager_id="bo", identities=[Identity(system="mail", id="ada@example.org")])
    edit = update(wanted, ["identities", "manager_id"], NOBODY_OWNS)
    assert list(edit.brings) == [("mail", "ada@example.org")]
    assert edit.manager_id == "bo"


def test_what_the_mask_leaves_out_is_not_looked_up() -> None:
    wanted = Profile(person_id="ada", manager_id="bo", skills=["go"])
    edit = update(wanted, ["skills"], NOBODY_OWNS)
    assert (list(edit.brings), edit.manager_id) == ([], "")
