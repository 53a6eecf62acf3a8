"""A small application with everything in it; it notes what it handled in the file that APPLICATION_NOTES names."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Header

from boooply import AIInterview, AsyncBoooplyClient, AsyncTenants, Candidate, Tenant
from boooply.integrations.fastapi import Boooply
from boooply.store import inbox_workers
from boooply.webhooks import EvaluationEvent, Event, TranscriptEvent

inbox_workers._LOOK_AGAIN = 0.5  # type: ignore[misc]  # a program has more time than a test
boooply = Boooply()
app = FastAPI(lifespan=boooply.lifespan)
boooply.add_to(app)


def note(line: str) -> None:
    with Path(os.environ["APPLICATION_NOTES"]).open("a", encoding="utf-8") as notes:
        notes.write(f"{line}\n")


def current_customer(x_customer: Annotated[str, Header()]) -> str:
    return x_customer


CustomersClient = Annotated[AsyncBoooplyClient, Depends(boooply.client_of(current_customer))]


@app.post("/connect")
async def connect(
    customer: Annotated[str, Depends(current_customer)], tenants: Annotated[AsyncTenants, Depends(boooply.tenants)]
) -> dict[str, str | None]:
    client = await tenants.connect(Tenant(user_id="1", user_email="a@acme.example", organization_id=customer))
    return {"name": (await client.organization.get()).name}


@app.post("/interviews")
async def create(client: CustomersClient, job_role: str) -> dict[str, str]:
    jane = Candidate(name="Jane", email="jane@example.com")
    return {"code": (await client.interviews.create(AIInterview(job_role=job_role, candidate=jane))).meeting_code}


@app.get("/interviews/{code}")
async def get(client: CustomersClient, code: str) -> dict[str, str]:
    return {"status": str((await client.interviews.get(code)).session_status)}


@app.post("/own-webhook")
async def own_webhook(event: Annotated[Event, Depends(boooply.event)]) -> dict[str, str]:
    return {"event": event.event}


@app.get("/worker")
async def worker() -> dict[str, str]:
    return {"detail": f"worker {os.getpid()}"}


@boooply.on(EvaluationEvent)
async def evaluated(event: EvaluationEvent) -> None:
    await asyncio.sleep(0.05)
    note(f"{event.meeting_code} {event.source_id} {event.overall_rating}")


@boooply.on(TranscriptEvent)
async def transcribed(event: TranscriptEvent) -> None:
    raise RuntimeError(event.meeting_code)
