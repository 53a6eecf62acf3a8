"""Talentry, a small ATS that offers Boooply's interviews to its customers, with a key per customer.

A customer clicks "Connect Boooply", and the ATS mints and stores the customer's key. It creates the customer's
interviews with that key, and receives their results as webhooks. If the key is revoked, the page offers to reconnect.
"""

import logging
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import attrs
from candidates import Candidates, StoredInterview
from fastapi import Cookie, Depends, FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from boooply import (
    AIInterview,
    AsyncBoooplyClient,
    AsyncTenants,
    AuthenticationError,
    Candidate,
    NotConnectedError,
    Tenant,
)
from boooply.integrations.fastapi import Boooply
from boooply.webhooks import EvaluationEvent, TranscriptEvent

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}


@attrs.frozen
class Customer:
    """A company that uses this ATS, with a single user."""

    id: str
    name: str
    user_id: str
    user_name: str
    user_email: str

    def as_tenant(self) -> Tenant:
        """Return the customer's data for Boooply."""
        return Tenant(
            user_id=self.user_id,
            user_email=self.user_email,
            user_name=self.user_name,
            organization_id=self.id,
            organization_name=self.name,
        )


CUSTOMERS = {
    one.id: one
    for one in (
        Customer("org_7234567890", "Acme Corporation", "12345", "Jane Admin", "admin@acme.example"),
        Customer("org_7234567891", "Globex", "22345", "Hank Scorpio", "hank@globex.example"),
        Customer("org_7234567892", "Zoë & Söhne", "32345", "Zoë Sohn", "zoe@soehne.example"),
    )
}

boooply = Boooply()
candidates = Candidates()
sessions: dict[str, Customer] = {}
rejected: set[str] = set()  # the customers whose key Boooply no longer accepts


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Open this application's database first, because handlers of Boooply's events write to it."""
    async with candidates.open(os.environ.get("ATS_DATABASE", "ats.db")), boooply.lifespan(app):
        yield


app = FastAPI(title="Talentry", lifespan=lifespan)
boooply.add_to(app)

# ---- the signed-in user


def signed_in(session: Annotated[str | None, Cookie()] = None) -> Customer | None:
    """Return the customer whose user is signed in, or None."""
    return sessions.get(session or "")


def current_customer(customer: Annotated[Customer | None, Depends(signed_in)]) -> Customer:
    """Return the customer, or respond with 401."""
    if customer is None:
        raise HTTPException(401, "Sign in first.")
    return customer


def current_customer_id(customer: Annotated[Customer, Depends(current_customer)]) -> str:
    """Return this ATS's ID of the customer, which Boooply calls ``organizationId``."""
    return customer.id


MaybeCustomer = Annotated[Customer | None, Depends(signed_in)]
CurrentCustomer = Annotated[Customer, Depends(current_customer)]
AllTenants = Annotated[AsyncTenants, Depends(boooply.tenants)]
CustomersClient = Annotated[AsyncBoooplyClient, Depends(boooply.client_of(current_customer_id))]


class SignIn(BaseModel):
    """The choice of a customer; a real ATS asks for a password."""

    customer_id: str


async def session_view(customer: Customer | None, tenants: AsyncTenants) -> dict[str, Any]:
    """Return the signed-in user, and whether Boooply is connected."""
    shown = [{"id": one.id, "name": one.name, "user_name": one.user_name} for one in CUSTOMERS.values()]
    connected = customer is not None and await is_connected(customer, tenants)
    current = customer and {
        "id": customer.id,
        "name": customer.name,
        "user_name": customer.user_name,
        "connected": connected,
    }
    return {"customer": current, "customers": shown, "console_url": os.environ.get("ATS_CONSOLE")}


async def is_connected(customer: Customer, tenants: AsyncTenants) -> bool:
    """Check whether the store has a key of the customer."""
    try:
        await tenants.client(customer.id)
    except NotConnectedError:
        return False
    except AuthenticationError:
        return True  # the list of interviews reports that its key is rejected
    return True


@app.get("/", response_class=HTMLResponse)
async def page() -> HTMLResponse:
    """Show the page."""
    return HTMLResponse(PAGE, headers=HEADERS)


@app.get("/api/session")
async def see_session(customer: MaybeCustomer, tenants: AllTenants) -> dict[str, Any]:
    """Return the signed-in user."""
    return await session_view(customer, tenants)


@app.post("/api/session")
async def sign_in(choice: SignIn, response: Response, tenants: AllTenants) -> dict[str, Any]:
    """Sign in as a customer's user."""
    customer = CUSTOMERS.get(choice.customer_id)
    if customer is None:
        raise HTTPException(404, "Unknown customer.")
    session = secrets.token_urlsafe()
    sessions[session] = customer
    response.set_cookie("session", session, httponly=True, samesite="strict")
    return await session_view(customer, tenants)


@app.delete("/api/session")
async def sign_out(
    response: Response, tenants: AllTenants, session: Annotated[str | None, Cookie()] = None
) -> dict[str, Any]:
    """Sign out."""
    sessions.pop(session or "", None)
    response.delete_cookie("session")
    return await session_view(None, tenants)


# ---- 1. a customer connects Boooply


@app.post("/api/connect-boooply")
async def connect_boooply(customer: CurrentCustomer, tenants: AllTenants) -> dict[str, bool]:
    """Mint the customer's key and store it; repeated clicks mint it only once."""
    await tenants.connect(customer.as_tenant())
    return {"connected": True}


@app.post("/api/reconnect-boooply")
async def reconnect_boooply(customer: CurrentCustomer, tenants: AllTenants) -> dict[str, bool]:
    """Mint another key, which replaces the rejected one; each click mints a key, so the page allows a single click."""
    await tenants.reconnect(customer.as_tenant())
    rejected.discard(customer.id)
    return {"connected": True}


# ---- 2. interviews on behalf of the customer


class NewCandidate(BaseModel):
    """The candidate of a new interview."""

    name: str
    email: str


class NewInterview(BaseModel):
    """The form for a new interview."""

    job_role: str
    candidate: NewCandidate
    skills: list[str] = []


@app.post("/api/interviews", status_code=201)
async def create_interview(form: NewInterview, customer: CurrentCustomer, client: CustomersClient) -> dict[str, Any]:
    """Create an interview, which invites the candidate by e-mail, and store it here."""
    candidate = Candidate(name=form.candidate.name, email=form.candidate.email)
    request = AIInterview(job_role=form.job_role, candidate=candidate, skills=tuple(form.skills))
    interview = await client.interviews.create(request)
    stored = StoredInterview(
        code=interview.meeting_code,
        customer_id=customer.id,
        job_role=form.job_role,
        candidate_name=candidate.name,
        candidate_email=candidate.email,
        status=str(interview.session_status),
        created_at=datetime.now(UTC).isoformat(),
    )
    await candidates.add(stored)
    return attrs.asdict(stored)


@app.get("/api/interviews")
async def list_interviews(customer: CurrentCustomer, tenants: AllTenants) -> dict[str, Any]:
    """Return the customer's interviews; the page polls every second, and Boooply is polled every two seconds."""
    if candidates.needs_refresh(customer.id):
        await refresh(customer, tenants)
    shown = [attrs.asdict(one) for one in await candidates.of(customer.id)]
    return {"interviews": shown, "rejected": customer.id in rejected}


async def refresh(customer: Customer, tenants: AsyncTenants) -> None:
    """Get the current statuses of the customer's interviews from Boooply, and record whether it rejects the key."""
    try:
        client = await tenants.client(customer.id)
        newest = await client.interviews.list(limit=50)
    except AuthenticationError as error:  # its message names the customer
        if customer.id not in rejected:
            logging.getLogger("talentry").warning("%s", error)
        rejected.add(customer.id)
        await candidates.update_statuses(customer.id, {})
        return
    rejected.discard(customer.id)
    statuses = {one.meeting_code: str(one.session_status) for one in newest.items}
    await candidates.update_statuses(customer.id, statuses)


# ---- 3. the results


@boooply.on(EvaluationEvent)
async def evaluated(event: EvaluationEvent) -> None:
    """Store an evaluation; each event is handled once."""
    if event.source_id is None:  # it was created in Boooply's dashboard
        return
    points = event.strengths_and_weaknesses
    scores = attrs.asdict(event.scores, filter=attrs.filters.exclude("extra")) if event.scores else {}
    await candidates.set_result(
        event.meeting_code,
        "evaluation",
        {
            "recommendation": event.recommendation,
            "overall_rating": event.overall_rating,
            "one_line_summary": event.one_line_summary,
            "summary": event.summary,
            "scores": scores,
            "strengths": [one.point for one in points.strengths] if points else [],
            "weaknesses": [one.point for one in points.weaknesses] if points else [],
        },
    )


@boooply.on(TranscriptEvent)
async def transcribed(event: TranscriptEvent) -> None:
    """Store a transcript."""
    if event.source_id is None:
        return
    lines = [{"speaker": one.speaker, "text": one.text, "start_ms": one.start_ms} for one in event.transcript]
    await candidates.set_result(event.meeting_code, "transcript", lines)
