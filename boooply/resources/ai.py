"""Texts that the AI writes."""

from collections.abc import Iterable

import attrs

from boooply.models import EmploymentType, JobBrief, Seniority, WorkSetup
from boooply.protocol.endpoints import GENERATE_JOB_DESCRIPTION
from boooply.transport import Transport


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncAI:
    """Texts that the AI writes. These calls have their own rate limit, 5 per minute by default."""

    _transport: Transport

    async def generate_job_description(
        self,
        *,
        job_role: str,
        department: str | None = None,
        skills: Iterable[str] = (),
        seniority: Seniority | str | None = None,
        work_setup: WorkSetup | str | None = None,
        employment_type: EmploymentType | str | None = None,
    ) -> str:
        """Write a job description, and return its text.

        Args:
            job_role: The role to fill, such as ``Frontend Engineer``.
            department: The department of the role. Default: none.
            skills: The skills that the role needs. Default: none.
            seniority: The seniority of the role. Default: none.
            work_setup: Where the work is done. Default: none.
            employment_type: The type of employment. Default: none.

        Raises:
            ValidationError: A value is missing or invalid.
            APIError: The call failed.
        """
        brief = JobBrief(
            job_role=job_role,
            department=department,
            skills=skills,
            seniority=seniority,
            work_setup=work_setup,
            employment_type=employment_type,
        )
        return await self._transport.call(GENERATE_JOB_DESCRIPTION, body=brief)
