"""Texts that the AI writes (contract section 6)."""

from collections.abc import Iterable

import attrs

from boooply.models import EmploymentType, JobBrief, Seniority, WorkSetup
from boooply.protocol.endpoints import GENERATE_JOB_DESCRIPTION
from boooply.transport import Transport


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncAI:
    """Texts that the AI writes; these calls have a rate limit of their own, 5 a minute."""

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
        """Write the description of a role.

        Raises:
            ValidationError: The API would reject a value.
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
