"""A create body from arguments to bytes: ``python benchmarks/encoding.py VARIANT ROUNDS``."""

import json
import sys
from collections.abc import Callable

from measure import measured

Write = Callable[[], bytes]


def boooply() -> Write:
    """Our request, checked when it is built."""
    from boooply import AIInterview, Candidate
    from boooply.converter import unstructure
    from boooply.protocol.bodies import model_body

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
        return model_body(unstructure(interview))

    return write


def pydantic() -> Write:
    """The same fields and rules as a pydantic model."""
    from typing import Annotated, Self

    from pydantic import AwareDatetime, BaseModel, Field, model_validator

    from boooply import (
        AuthProvider,
        EmploymentType,
        EvaluationFocus,
        InterviewCategory,
        SchedulingMode,
        Seniority,
        WorkSetup,
    )

    ordinary = r"[^\x00-\x08\x0a-\x1f\x7f]*"
    Text = Annotated[str, Field(pattern=rf"^{ordinary}\S{ordinary}$")]  # noqa: N806 - a type
    LongText = Annotated[str, Field(pattern=r"\S")]  # noqa: N806 - as above

    class Person(BaseModel):
        name: Text
        email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
        role: str = "CANDIDATE"
        externalUserId: Text | None = None
        authProvider: AuthProvider | None = None
        externalRole: Text | None = None
        avatarUrl: Text | None = None

    class Slot(BaseModel):
        start: AwareDatetime
        end: AwareDatetime

    class Interview(BaseModel):
        meetingType: str = "AI_ONLY"
        jobRole: Text
        participants: list[Person]
        title: Text | None = None
        jobDescription: LongText | None = None
        department: Text | None = None
        stage: Text | None = None
        companyName: Text | None = None
        externalJobId: Text | None = None
        candidateCv: LongText | None = None
        skills: list[Text] | None = None
        questions: list[LongText] | None = None
        seniority: Seniority | None = None
        workSetup: WorkSetup | None = None
        employmentType: EmploymentType | None = None
        category: InterviewCategory | None = None
        evaluationFocus: EvaluationFocus | None = None
        aiGenerate: bool | None = None
        sendCandidateFeedback: bool | None = None
        durationMinutes: Annotated[int, Field(ge=5)] | None = None
        scheduledAt: AwareDatetime | None = None
        schedulingMode: SchedulingMode | None = None
        availableSlots: Annotated[list[Slot], Field(max_length=50)] | None = None

        @model_validator(mode="after")
        def _check(self) -> Self:
            picks = self.schedulingMode == SchedulingMode.CANDIDATE_PICKS
            if self.schedulingMode == SchedulingMode.FIXED and self.scheduledAt is None:
                raise ValueError("scheduledAt is needed")
            if picks != bool(self.availableSlots):
                raise ValueError("availableSlots and schedulingMode belong together")
            if not any(person.role == "CANDIDATE" for person in self.participants):
                raise ValueError("a candidate is needed")
            return self

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
