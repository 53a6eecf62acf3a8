"""The wait for an evaluation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from boooply.models import Evaluation, InterviewNotEvaluatedError

if TYPE_CHECKING:
    from boooply.resources.interviews import AsyncInterviews


async def evaluation_of(interviews: AsyncInterviews, meeting_code: str, poll: float) -> Evaluation:
    """Return the evaluation of an interview as soon as it exists, asking every ``poll`` seconds.

    Raises:
        InterviewNotEvaluatedError: The interview ended without one, or is a team meeting.
    """
    is_over = False
    while True:
        if not is_over:
            interview = await interviews.get(meeting_code)
            if interview.ended_unevaluated or interview.is_team_meeting:
                raise InterviewNotEvaluatedError(interview)
            is_over = interview.is_over
        evaluation = await interviews.get_evaluation(meeting_code) if is_over else None
        if evaluation is not None:
            return evaluation
        await asyncio.sleep(poll)
