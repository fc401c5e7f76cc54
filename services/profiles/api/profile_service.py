"""ProfileService: people as they are imported, seen, changed by themselves, exported and erased."""

from __future__ import annotations

from functools import partial

from acquaint.errors.v1 import error_reason_pb2
from acquaint.profiles.v1 import profile_service_pb2 as pb
from acquaint.profiles.v1 import profile_service_pb2_grpc
from acquaint.profiles.v1.profile_pb2 import Profile

from services.platform import paging
from services.platform.clock import Clock
from services.platform.errors import denied
from services.platform.rpc import current_call
from services.profiles.api.results import Batch
from services.profiles.domain.ownership import Ownership
from services.profiles.people import editing
from services.profiles.people.changes import Changes, Edit
from services.profiles.people.importing import DEFAULT_SOURCE, upsert
from services.profiles.people.participants import Participants
from services.profiles.people.protecting import Protecting
from services.profiles.people.views import for_colleagues, for_the_person
from services.profiles.store import Boundaries, People, Person


class ProfileService(profile_service_pb2_grpc.ProfileServiceServicer):
    """Who may call what is declared in the proto and enforced before these methods run."""

    def __init__(
        self,
        people: People,
        boundaries: Boundaries,
        *,
        changes: Changes,
        protecting: Protecting,
        participants: Participants,
        ownership: Ownership,
        clock: Clock,
    ) -> None:
        self._people = people
        self._boundaries = boundaries
        self._changes = changes
        self._protecting = protecting
        self._participants = participants
        self._ownership = ownership
        self._clock = clock

    async def ImportProfiles(self, request: pb.ImportProfilesRequest, context: object) -> pb.ImportProfilesResponse:
        source = request.source or DEFAULT_SOURCE
        if not current_call().principal.may_write(source):
            raise denied(error_reason_pb2.ERROR_REASON_SOURCE_NOT_GRANTED, f"the caller may not import as {source!r}")
        batch = Batch("profile.person_id")
        for item in request.items:
            edit = partial(upsert, item.profile, item.update_mask.paths, source, self._ownership)
            batch.add(item.profile.person_id, edit)
        apply = self._changes.preview if request.validate_only else self._changes.commit
        return pb.ImportProfilesResponse(results=batch.results(await apply(batch.edits)))

    async def GetProfile(self, request: pb.GetProfileRequest, context: object) -> pb.GetProfileResponse:
        person = await self._person(request.person_id)
        own = current_call().principal.acting_person == request.person_id
        return pb.GetProfileResponse(profile=for_the_person(person) if own else for_colleagues(person))

    async def BatchGetProfiles(
        self, request: pb.BatchGetProfilesRequest, context: object
    ) -> pb.BatchGetProfilesResponse:
        found = await self._people.many(set(request.person_ids))
        people = [found.get(name) for name in request.person_ids]
        return pb.BatchGetProfilesResponse(
            profiles=[for_colleagues(each) for each in people if isinstance(each, Person)]
        )

    async def ListProfiles(self, request: pb.ListProfilesRequest, context: object) -> pb.ListProfilesResponse:
        size = paging.size(request)
        (after,) = paging.decode(request) or ("",)
        people = await self._people.page(str(after), size + 1, request.unit_prefix)
        more = len(people) > size
        return pb.ListProfilesResponse(
            profiles=[for_colleagues(person) for person in people[:size]],
            next_page_token=paging.encode(request, people[size - 1].person_id) if more else "",
        )

    async def UpdateProfile(self, request: pb.UpdateProfileRequest, context: object) -> pb.UpdateProfileResponse:
        edit = editing.update(request.profile, request.update_mask.paths, self._ownership)
        return pb.UpdateProfileResponse(profile=for_the_person(await self._changes.one(edit)))

    async def PausePerson(self, request: pb.PausePersonRequest, context: object) -> pb.PausePersonResponse:
        edit = editing.pause(request, self._clock.now())
        return pb.PausePersonResponse(profile=for_the_person(await self._changes.one(edit)))

    async def JoinPerson(self, request: pb.JoinPersonRequest, context: object) -> pb.JoinPersonResponse:
        edit = editing.join(request, self._clock.now())
        return pb.JoinPersonResponse(profile=for_the_person(await self._changes.one(edit)))

    async def BatchJoinPeople(self, request: pb.BatchJoinPeopleRequest, context: object) -> pb.BatchJoinPeopleResponse:
        principal = current_call().principal
        now = self._clock.now()

        def granted(item: pb.JoinPersonRequest) -> Edit:
            if not principal.may_act_for(item.person_id):
                raise denied(error_reason_pb2.ERROR_REASON_NOT_PERMITTED, "the caller may not act for this person")
            return editing.join(item, now)

        batch = Batch("person_id")
        for item in request.requests:
            batch.add(item.person_id, partial(granted, item))
        return pb.BatchJoinPeopleResponse(results=batch.results(await self._changes.commit(batch.edits)))

    async def ErasePerson(self, request: pb.ErasePersonRequest, context: object) -> pb.ErasePersonResponse:
        return pb.ErasePersonResponse(version=await self._protecting.erase(request.person_id))

    async def ExportPerson(self, request: pb.ExportPersonRequest, context: object) -> pb.ExportPersonResponse:
        profile: Profile = for_the_person(await self._person(request.person_id))
        blocked = await self._boundaries.set_by(request.person_id)
        return pb.ExportPersonResponse(profile=profile, blocked_person_ids=blocked)

    async def CheckParticipants(
        self, request: pb.CheckParticipantsRequest, context: object
    ) -> pb.CheckParticipantsResponse:
        groups = [group.person_ids for group in request.groups]
        return pb.CheckParticipantsResponse(allowed=await self._participants.allowed(groups, self._clock.now()))

    async def _person(self, person_id: str) -> Person:
        person = await self._people.get(person_id)
        if not isinstance(person, Person):
            raise editing.no_such_person(person_id)
        return person
