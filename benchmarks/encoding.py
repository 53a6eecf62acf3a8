"""A create body from arguments to bytes: ``python benchmarks/encoding.py VARIANT ROUNDS``."""

import json
import sys
from collections.abc import Callable

from measure import measured

Write = Callable[[], bytes]


def boooply() -> Write:
    """Our request, checked when it is built."""
    from boooply import AIInterview, Candidate
    from boooply.protocol.endpoints import CREATE_INTERVIEW

    def write() -> bytes:
        candidate = Candidate(name="Jane Doe", email="jane@example.com")
        interview = AIInterview(
            job_role="Frontend Engineer",
            candidate=candidate,
            duration_minutes=30,
            skills=("React", "TypeScript", "Testing"),
            seniority="SENIOR",
            company_name="Acme",
        )
        return CREATE_INTERVIEW.request(body=interview).body or b""

    return write


def pydantic() -> Write:
    """The same fields and rules as a pydantic model."""
    from typing import Annotated

    from pydantic import BaseModel, Field

    from boooply import Seniority

    class Person(BaseModel):
        name: Annotated[str, Field(min_length=1)]
        email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
        role: str = "CANDIDATE"

    class Interview(BaseModel):
        meetingType: str = "AI_ONLY"
        jobRole: Annotated[str, Field(min_length=1)]
        participants: list[Person]
        durationMinutes: Annotated[int, Field(ge=5)] = 30
        skills: list[str] = []
        seniority: Seniority | None = None
        companyName: str | None = None

    def write() -> bytes:
        person = Person(name="Jane Doe", email="jane@example.com")
        interview = Interview(
            jobRole="Frontend Engineer",
            participants=[person],
            durationMinutes=30,
            skills=["React", "TypeScript", "Testing"],
            seniority=Seniority.SENIOR,
            companyName="Acme",
        )
        return interview.model_dump_json(exclude_none=True).encode()

    return write


def msgspec() -> Write:
    """The same fields as msgspec structs, which check nothing when they are built."""
    import msgspec

    class Person(msgspec.Struct):
        name: str
        email: str
        role: str = "CANDIDATE"

    class Interview(msgspec.Struct, omit_defaults=True):
        jobRole: str
        participants: list[Person]
        meetingType: str = ""
        durationMinutes: int = 0
        skills: list[str] = []
        seniority: str | None = None
        companyName: str | None = None

    def write() -> bytes:
        person = Person(name="Jane Doe", email="jane@example.com")
        interview = Interview(
            meetingType="AI_ONLY",
            jobRole="Frontend Engineer",
            participants=[person],
            durationMinutes=30,
            skills=["React", "TypeScript", "Testing"],
            seniority="SENIOR",
            companyName="Acme",
        )
        return msgspec.json.encode(interview)

    return write


VARIANTS: dict[str, Callable[[], Write]] = {one.__name__: one for one in (boooply, pydantic, msgspec)}

if __name__ == "__main__":
    variant, rounds = sys.argv[1:]
    write = VARIANTS[variant]()
    assert json.loads(write())["jobRole"] == "Frontend Engineer"  # noqa: S101 - the peers do the same work
    for _ in range(int(rounds) // 10):
        write()
    with measured(int(rounds)):
        for _ in range(int(rounds)):
            write()
