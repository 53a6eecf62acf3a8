"""The details of a call, interview, webhook or e-mail in the console."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from boooply.sandbox.evaluations import evaluation_payload
from boooply.sandbox.exchanges import Body, Exchange
from boooply.sandbox.fault_table import FAULTS
from boooply.sandbox.listing import interview_view
from boooply.sandbox.masking import mask, mask_headers
from boooply.sandbox.records import Call, Delivery, Email, Interview, Participant
from boooply.sandbox.snippets import (
    curl_of_call,
    curl_of_webhook,
    key_command,
    key_variable,
    python_of_call,
    python_of_webhook,
)
from boooply.sandbox.state import State
from boooply.sandbox.transcripts import duration_seconds, transcript
from boooply.sandbox.views import call_view, delivery_view, email_view, presence_view
from boooply.sandbox.webhooks import WebhookDispatcher
from boooply.sandbox.wire import iso, not_found, whole_number

__all__ = ["DETAILS", "details_of"]

View = dict[str, Any]

RELATED: Final = 50
"""The number of newest calls, webhooks and e-mails in the details of an interview."""

EXAMPLE_URL: Final = "http://127.0.0.1:8000/webhooks/boooply"


def details_of(state: State, dispatcher: WebhookDispatcher, kind: str, name: str) -> View:
    """Return the details of an item, with the kind and the name of the console's links.

    Raises:
        SandboxError: 404 for an unknown kind or name.
    """
    show = DETAILS.get(kind)
    if show is None:
        raise not_found("the kind of details")
    return show(state, dispatcher, name)


def _numbered(items: list[Any], name: str, what: str) -> tuple[int, Any]:
    number = whole_number(name)
    if number is None or not 1 <= number <= len(items):
        raise not_found(what)
    return number, items[number - 1]


# ---- calls


def _call(state: State, _dispatcher: WebhookDispatcher, name: str) -> View:
    number, call = _numbered(state.calls, name, "the call")
    exchange = state.exchanges.get(number)
    meaning = None if call.fault is None else FAULTS[call.fault].meaning
    interview = _interview_of(state, number, call)
    about = {"faultMeaning": meaning, "interview": interview, "isKept": exchange is not None}
    shown = {"number": number, **call_view(call), **about}
    return shown if exchange is None else {**shown, **_exchange_view(state, call, exchange)}


def _interview_of(state: State, number: int, call: Call) -> str | None:
    """Return the meeting code of the interview of a call, if the interview still exists."""
    body = _response_text(state, number) if call.operation == "interviews.create" else ""
    named = [*call.path.split("/"), *re.findall(r'"meetingCode":"([^"]+)"', body)]
    return next((code for code in named if state.has_interview(code)), None)


def _response_text(state: State, number: int) -> str:
    exchange = state.exchanges.get(number)
    return "" if exchange is None or exchange.response_body is None else exchange.response_body.text


def _exchange_view(state: State, call: Call, exchange: Exchange) -> View:
    return {
        "url": state.base_url + exchange.target,
        "seconds": exchange.seconds,
        "request": {"headers": exchange.request_headers, "body": _body_view(exchange.request_body)},
        "response": {"headers": exchange.response_headers, "body": _body_view(exchange.response_body)},
        "limits": _limits_view(exchange),
        "variable": key_variable(call, exchange),
        "customer": exchange.customer,
        "keyCommand": None if exchange.customer is None else key_command(exchange.customer),
        "curl": curl_of_call(call, exchange, state.base_url),
        "python": python_of_call(call, exchange, state.base_url),
    }


def _body_view(body: Body | None) -> View | None:
    return (
        None
        if body is None
        else {"text": body.text, "size": body.size, "isText": body.is_text, "isWhole": body.is_whole}
    )


def _limits_view(exchange: Exchange) -> View | None:
    decision = exchange.decision
    if decision is None:
        return None
    return {
        "allowance": exchange.allowance,
        "limit": decision.limit,
        "remaining": decision.remaining,
        "resetsAt": decision.resets_at,
        "granted": decision.granted,
    }


# ---- interviews


def _interview(state: State, dispatcher: WebhookDispatcher, name: str) -> View:
    interview = state.interview_of_anyone(name)
    final = interview.finalization
    return {
        **interview_view(state, interview),
        "url": f"{state.base_url}/meeting/{interview.code}",
        "durationMinutes": interview.duration_minutes,
        "startedAt": iso(interview.started_at),
        "endedAt": iso(interview.ended_at),
        "expiresAt": iso(interview.expires_at),
        "rationale": None if final is None else final.rationale,
        "participants": [_person_view(person) for person in interview.participants],
        "transcript": transcript(interview),
        "evaluation": evaluation_payload(interview) if interview.analyses else None,
        "recording": {"seconds": duration_seconds(interview)} if interview.has_video else None,
        **_related(state, dispatcher, interview),
    }


def _person_view(person: Participant) -> View:
    shown = presence_view(person)
    del shown["joinToken"]
    return shown


def _related(state: State, _dispatcher: WebhookDispatcher, interview: Interview) -> View:
    code = interview.code
    deliveries = [delivery_view(one) for one in state.deliveries.values() if one.meeting_code == code]
    return {
        "calls": list(islice(_calls_about(state, code), RELATED)),
        "webhooks": deliveries[: -RELATED - 1 : -1],
        "emails": list(islice(_emails_about(state, code), RELATED)),
    }


def _calls_about(state: State, code: str) -> Iterator[View]:
    for number in range(len(state.calls), 0, -1):
        call = state.calls[number - 1]
        # the path of a call that creates an interview does not contain the code
        is_creation = call.operation == "interviews.create" and f'"meetingCode":"{code}"' in _response_text(
            state, number
        )
        if is_creation or code in call.path.split("/"):
            yield {"number": number, **call_view(call)}


def _emails_about(state: State, code: str) -> Iterator[View]:
    for number in range(len(state.emails), 0, -1):
        if state.emails[number - 1].meeting_code == code:
            yield {"number": number, **email_view(state.emails[number - 1])}


# ---- webhooks and e-mails


def _webhook(state: State, dispatcher: WebhookDispatcher, name: str) -> View:
    delivery = state.deliveries.get(name)
    if delivery is None:
        raise not_found("the delivery", "DELIVERY_NOT_FOUND")
    request = dispatcher.request(delivery)
    body, url = Body.of(delivery.body), dispatcher.url or EXAMPLE_URL
    return {
        **delivery_view(delivery),
        "attempts": _attempts(delivery),
        "url": dispatcher.url,
        "exampleUrl": None if dispatcher.url else EXAMPLE_URL,
        "signature": request.headers["X-Boooply-Signature"],
        "headers": mask_headers(request.headers.items()),
        "body": _body_view(body),
        "variable": "BOOOPLY_WEBHOOK_SECRET",
        "curl": curl_of_webhook(request, body.text, url) if body.is_whole else None,
        "python": python_of_webhook(request, body.text, url) if body.is_whole else None,
    }


def _attempts(delivery: Delivery) -> list[View]:
    shown: list[View] = delivery_view(delivery)["attempts"]
    return [{**view, "response": one.response} for view, one in zip(shown, delivery.attempts, strict=True)]


def _email(state: State, _dispatcher: WebhookDispatcher, name: str) -> View:
    email: Email
    number, email = _numbered(state.emails, name, "the e-mail")
    links = [{"name": what, "url": mask(url)} for what, url in email.links.items()]
    return {"number": number, **email_view(email), "links": links}


DETAILS: Final[Mapping[str, Callable[[State, WebhookDispatcher, str], View]]] = {
    "call": _call,
    "interview": _interview,
    "webhook": _webhook,
    "email": _email,
}
