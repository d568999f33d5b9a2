"""Drives a simulator with a public WhatsApp library that knows nothing of it.

usage: python drive.py URL

The library is pywa, as its registry has it; all group calls and the message are its own methods.
Only where it calls is changed: its HTTP client takes a transport that leads to the simulator.
Prints a line for each thing that was seen to work, and ends with the exit status 0 if all did.
"""

import sys
import time

import httpx
import pywa
from pywa import types
from pywa.errors import GroupUnknown
from pywa.types.groups import GroupDetails
from pywa.types.others import Result

NUMBER = "300000000000001"
GROUPS = 7


class ToSimulator(httpx.BaseTransport):
    """Leads what would go to Meta to the simulator."""

    def __init__(self, url: str) -> None:
        self.target = httpx.URL(url)
        self.inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "graph.facebook.com" or request.url.port == self.target.port, request.url.host
        request.url = request.url.copy_with(scheme="http", host=self.target.host, port=self.target.port)
        return self.inner.handle_request(request)


def main(url: str) -> None:
    people = httpx.Client(base_url=url, trust_env=False)
    session = httpx.Client(transport=ToSimulator(url), timeout=20)
    wa = pywa.WhatsApp(phone_id=NUMBER, token="a-token", session=session, api_version=25.0)

    def act(wa_id: str, act: str, **body: str) -> dict:
        answer = people.post(f"/sim/users/{wa_id}/{act}", json=body)
        answer.raise_for_status()
        return answer.json()

    # Create: the answer has a request id, the group comes of it.
    assert list(groups_of(wa, 25)) == []
    for n in range(GROUPS):
        created = wa.create_group(
            subject=f"Repair {n}",
            description="Café",
            join_approval_mode=types.GroupJoinApprovalMode.APPROVAL_REQUIRED if n == 0 else None,
        )
        assert len(created.request_id) == 32, created
    say(f"created {GROUPS} groups")

    # List, three a page, each group once.
    page = groups_of(wa, 3)
    pages, listed = 1, [group.id for group in page]
    while page.has_next:
        page = page.next()
        pages += 1
        listed += [group.id for group in page]
    assert (pages, len(listed), len(set(listed))) == (3, GROUPS, GROUPS), (pages, listed)
    say(f"listed them in {pages} pages")

    # Info.
    groups = [wa.get_group(group_id) for group_id in listed]
    approved = next(group for group in groups if group.subject == "Repair 0")
    open_ = next(group for group in groups if group.subject == "Repair 1")
    assert approved.join_approval_mode == types.GroupJoinApprovalMode.APPROVAL_REQUIRED, approved
    assert (approved.description, approved.suspended, approved.total_participant_count) == ("Café", False, 0)
    assert abs(approved.creation_timestamp.timestamp() - time.time()) < 600, approved.creation_timestamp
    say("read their info")

    # Invite link: people come by it, and it dies when it is reset.
    link = wa.get_group_invite_link(open_.id)
    act("15550100042", "join", invite_link=link.link)
    act("15550100043", "join", invite_link=link.link)
    new = link.reset()
    assert new.link.startswith("https://chat.whatsapp.com/") and new.link != link.link
    dead = people.post("/sim/users/15550100044/join", json={"invite_link": link.link})
    assert dead.status_code == 404, dead
    say("read and reset an invite link")

    # Join requests. pywa expects a `request_id` of approvals, which Meta does not document: the
    # answer is taken from the layer below.
    for n in range(3):
        act(f"1555010005{n}", "request-join", group_id=approved.id)
    asked = list(wa.get_group_join_requests(approved.id))
    assert sorted(request.user.wa_id for request in asked) == [f"1555010005{n}" for n in range(3)], asked
    answer = wa.api.approve_group_join_requests(group_id=approved.id, request_ids=(asked[0].id, asked[1].id, "nobody"))
    assert answer["approved_join_requests"] == [asked[0].id, asked[1].id], answer
    failed = answer["failed_join_requests"]
    assert [(item["join_request_id"], item["errors"][0]["code"]) for item in failed] == [("nobody", 131213)], answer
    answer = wa.api.reject_group_join_requests(group_id=approved.id, request_ids=(asked[2].id,))
    assert answer["rejected_join_requests"] == [asked[2].id], answer
    assert list(wa.get_group_join_requests(approved.id)) == []
    assert wa.get_group(approved.id).total_participant_count == 2
    say("listed, approved and rejected join requests")

    # A message to the group.
    sent = wa.send_message(to=open_.id, text="Guten Tag")
    assert sent.id.startswith("wamid."), sent
    say("sent a message to a group")

    # Removal, by number and by BSUID; who was removed cannot come back.
    members = wa.get_group(open_.id).participants
    assert len(members) == 2, members
    members[0].remove()
    wa.remove_group_participants(group_id=open_.id, participants=[members[1].wa_id])
    assert wa.get_group(open_.id).participants == []
    back = people.post("/sim/users/15550100042/join", json={"invite_link": new.link})
    assert (back.status_code, back.json()["error"]) == (409, "removed_by_business"), back
    say("removed participants")

    # Settings go as multipart, also what is text alone.
    wa.update_group_settings(group_id=open_.id, subject="Repair done", profile_picture=jpeg(192))
    assert wa.get_group(open_.id).subject == "Repair done"
    say("changed a subject and the picture")

    # Deletion, and Meta's refusal in the library's own terms.
    wa.delete_group(open_.id)
    try:
        wa.get_group(open_.id)
    except GroupUnknown as error:
        assert error.code == 131041, error
    else:
        raise AssertionError("a deleted group was read")
    say("deleted a group, and was told that it is unknown")


def groups_of(wa: pywa.WhatsApp, limit: int) -> Result:
    """The first page of the groups. `WhatsApp.get_groups` takes each row for a whole group without asking
    for its fields, so they are asked for here, one layer below; the pager is the library's."""
    fields = (
        "id",
        "subject",
        "description",
        "creation_timestamp",
        "suspended",
        "total_participant_count",
        "participants",
        "join_approval_mode",
    )
    answer = wa.api.get_active_groups(phone_id=NUMBER, fields=fields, pagination={"limit": str(limit)})
    return Result(
        wa=wa,
        response=answer,
        item_factory=lambda row: GroupDetails.from_dict(data=row, client=wa),
    )


def jpeg(side: int) -> bytes:
    """The headers of a square JPEG: as much of one as anybody looks at here."""
    size = side.to_bytes(2, "big") * 2
    return b"\xff\xd8\xff\xc0\x00\x0b\x08" + size + b"\x01\x01\x11\x00\xff\xd9"


def say(what: str) -> None:
    print(f"pywa {pywa.__version__} {what}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
