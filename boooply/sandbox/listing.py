"""The console's filtered lists of calls, interviews, webhooks, e-mails and organizations, newest first."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from boooply.sandbox.evaluations import overall_score
from boooply.sandbox.flows import open_slots
from boooply.sandbox.masking import mask
from boooply.sandbox.playing import possible_steps
from boooply.sandbox.records import Call, Delivery, Email, Interview, Organization
from boooply.sandbox.state import State
from boooply.sandbox.views import call_view, delivery_view, email_view, organization_summary
from boooply.sandbox.wire import iso, malformed, whole_number

__all__ = ["LISTS", "PAGE", "Filters", "Listing", "interview_view", "newest", "read_filters", "read_page"]

PAGE: Final = 100
"""The number of items of a page."""

View = dict[str, Any]


@frozen(kw_only=True)
class Listing:
    """A list: its items, oldest first, and the values that the filters compare."""

    items: Callable[[State], Sequence[Any]]
    view: Callable[[State, Any], View]
    customer: Callable[[State, Any], str | None]
    text: Callable[[State, int, Any], Iterable[str | None]]
    statuses: Callable[[Any], Collection[str]] = lambda _item: ()
    operation: Callable[[Any], str] = lambda _item: ""


@frozen(kw_only=True)
class Filters:
    """The filters of a page; an empty text does not filter, and the page begins with the item below `before`."""

    customer: str = ""
    status: str = ""
    operation: str = ""
    text: str = ""
    before: int | None = None

    def accept(self, state: State, listing: Listing, number: int, item: Any) -> bool:
        """Check whether an item matches every filter."""
        return (
            (not self.status or self.status in listing.statuses(item))
            and (not self.operation or self.operation == listing.operation(item))
            and (not self.customer or self.customer == (listing.customer(state, item) or "").casefold())
            and (
                not self.text or any(self.text in (text or "").casefold() for text in listing.text(state, number, item))
            )
        )


def read_filters(query: Mapping[str, str]) -> Filters:
    """Read the query of a list.

    Raises:
        SandboxError: 400 if `before` is not a number.
    """
    before = query.get("before", "")
    if before and whole_number(before) is None:
        raise malformed("before must be a number", "INVALID_PARAMETER")
    return Filters(
        customer=query.get("customer", "").strip().casefold(),
        status=query.get("status", ""),
        operation=query.get("operation", ""),
        text=query.get("text", "").strip().casefold(),
        before=whole_number(before),
    )


def read_page(state: State, listing: Listing, filters: Filters) -> View:
    """Return a page of a list, the number of matching items, and how many of these are newer than the page."""
    found = [
        (number, item)
        for number, item in _numbered(listing.items(state))
        if filters.accept(state, listing, number, item)
    ]
    older = [pair for pair in found if filters.before is None or pair[0] < filters.before]
    return {
        "total": len(found),
        "newer": len(found) - len(older),
        "items": [_view(state, listing, number, item) for number, item in older[:PAGE]],
    }


def newest(state: State, listing: Listing) -> View:
    """Return the first page of a list without filters."""
    items = listing.items(state)
    pairs = (pair for _, pair in zip(range(PAGE), _numbered(items), strict=False))
    return {"total": len(items), "newer": 0, "items": [_view(state, listing, *pair) for pair in pairs]}


def _numbered(items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    return zip(range(len(items), 0, -1), reversed(items), strict=True)


def _view(state: State, listing: Listing, number: int, item: Any) -> View:
    return {"number": number, **listing.view(state, item)}


# ---- the lists


def _call_statuses(call: Call) -> Collection[str]:
    general = "broken" if call.status == 0 else f"{call.status // 100}xx"
    return {general, str(call.status), "fault" if call.fault else general}


def _call_text(state: State, number: int, call: Call) -> Iterator[str | None]:
    yield from (
        f"{call.method} {call.path}",
        call.operation,
        str(call.status),
        call.error_code,
        call.tenant,
        call.fault,
    )
    exchange = state.exchanges.get(number)
    if exchange is not None:
        yield from exchange.texts()


def interview_view(state: State, interview: Interview) -> View:
    """Show an interview in the console, with its possible steps and flows."""
    candidate = next((person.name for person in interview.participants if person.role == "CANDIDATE"), None)
    return {
        "code": interview.code,
        "title": interview.title,
        "kind": interview.kind,
        "status": interview.status,
        "endReason": interview.end_reason,
        "tenant": state.tenant(interview.organization_id),
        "candidate": candidate,
        "overallScore": overall_score(interview),
        "createdAt": iso(interview.created_at),
        "scheduledAt": iso(interview.scheduled_at),
        "finalized": None if interview.finalization is None else interview.finalization.recommendation,
        "steps": sorted(possible_steps(interview)),
        "slots": [iso(start) for start in open_slots(interview, state.clock.now())],
        "isEvaluated": interview.analyses > 0,
    }


def _interview_text(state: State, _number: int, interview: Interview) -> Iterator[str | None]:
    yield from (interview.code, interview.title, interview.status, interview.end_reason)
    yield state.tenant(interview.organization_id)
    yield from (text for person in interview.participants for text in (person.name, person.email))


def _organization_view(state: State, organization: Organization) -> View:
    return organization_summary(organization, state.interviews_left(organization))


def _organization_text(_state: State, _number: int, one: Organization) -> Iterator[str | None]:
    yield from (one.id, one.name, one.slug, one.external_org_id, one.plan)


def _delivery_text(_state: State, _number: int, one: Delivery) -> Iterator[str | None]:
    yield from (one.id, one.event, one.meeting_code, one.tenant, one.state)
    yield mask(one.body.decode(errors="replace"))


def _email_text(_state: State, _number: int, one: Email) -> Iterator[str | None]:
    yield from (one.to, one.kind, one.meeting_code, one.subject)


def _tenant_of_email(state: State, email: Email) -> str | None:
    if not state.has_interview(email.meeting_code):  # it was deleted
        return None
    return state.tenant(state.interview_of_anyone(email.meeting_code).organization_id)


LISTS: Final[Mapping[str, Listing]] = {
    "interviews": Listing(
        items=State.all_interviews,
        view=interview_view,
        customer=lambda state, one: state.tenant(one.organization_id),
        statuses=lambda one: (one.status,),
        text=_interview_text,
    ),
    "calls": Listing(
        items=lambda state: state.calls,
        view=lambda _state, one: call_view(one),
        customer=lambda _state, one: one.tenant,
        statuses=_call_statuses,
        operation=lambda one: one.operation,
        text=_call_text,
    ),
    "organizations": Listing(
        items=State.organizations,
        view=_organization_view,
        customer=lambda state, one: state.tenant(one.id),
        text=_organization_text,
    ),
    "emails": Listing(
        items=lambda state: state.emails,
        view=lambda _state, one: email_view(one),
        customer=_tenant_of_email,
        statuses=lambda one: (one.kind,),
        text=_email_text,
    ),
    "webhooks": Listing(
        items=lambda state: tuple(state.deliveries.values()),
        view=lambda _state, one: delivery_view(one),
        customer=lambda _state, one: one.tenant,
        statuses=lambda one: (one.state,),
        operation=lambda one: one.event,
        text=_delivery_text,
    ),
}
