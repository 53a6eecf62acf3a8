"""What the AI writes (contract section 6)."""

from collections.abc import Iterable

import attrs

from boooply.models import EmploymentType, JobBrief, Seniority, WorkSetup
from boooply.protocol.endpoints import GENERATE_JOB_DESCRIPTION
from boooply.transport import Transport


@attrs.define(eq=False, slots=False)  # not frozen: a test may patch a method
class AsyncAI:
    """Let the AI write; these calls have an allowance of their own, 5 a minute."""

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
            ValidationError: A value is not one the API takes.
        """
        brief = JobBrief(
            job_role=job_role,
            department=department,
            skills=skills,
            seniority=seniority,
            work_setup=work_setup,
            employment_type=employment_type,
        )
        endpoint = GENERATE_JOB_DESCRIPTION
        return endpoint.parse(await self._transport.send(endpoint.request(body=brief)))
