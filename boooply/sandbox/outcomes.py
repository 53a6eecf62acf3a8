"""The operations on what a played interview leaves behind."""

import uuid

from attrs import evolve

from boooply.sandbox.errors import malformed
from boooply.sandbox.evaluations import evaluation_answer
from boooply.sandbox.recordings import Video, recording, video_of
from boooply.sandbox.request_context import Payload, RequestContext
from boooply.sandbox.state import State
from boooply.sandbox.transcripts import transcript

__all__ = ["download_recording", "get_evaluation", "get_recording", "get_transcript", "trigger_analysis"]


def get_recording(state: State, visit: RequestContext) -> Payload:
    """Show where the recording is; a fresh pre-signed link at each call."""
    interview = visit.interview(state)
    found = recording(interview, state.base_url, state.signing_secret, state.clock.now())
    return {"recording": found, **({} if found else {"message": "There is no recording yet."})}


def download_recording(state: State, visit: RequestContext) -> Video:
    """Hand out the video behind `videoApiUrl`."""
    return video_of(visit.interview(state))


def get_transcript(state: State, visit: RequestContext) -> Payload:
    """Show what was said."""
    return {"transcript": transcript(visit.interview(state))}


def get_evaluation(state: State, visit: RequestContext) -> Payload:
    """Show the evaluation."""
    return evaluation_answer(visit.interview(state))


def trigger_analysis(state: State, visit: RequestContext) -> Payload:
    """Analyse again; the new evaluation is there as soon as the answer is."""
    interview = visit.interview(state)
    if interview.ended_at is None:
        raise malformed("there is nothing to analyse before the interview has taken place", "NOTHING_TO_ANALYZE")
    state.announce(state.put(evolve(interview, analyses=interview.analyses + 1)), is_reanalysis=True)
    return {"queued": True, "jobId": str(uuid.uuid4())}
