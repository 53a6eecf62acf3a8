"""The blocking flavour of ``boooply.resources``, one line per method."""

from typing import Final

from boooply.blocking.proxy import SyncProxy, iterating, sync
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.organization import AsyncOrganization


class Interviews(SyncProxy[AsyncInterviews]):
    """The interviews of the client's organization.

    Every call raises ``APIError`` if it fails, and ``ValidationError`` if an argument is invalid. Every method with a
    ``meeting_code`` raises ``NotFoundError`` if there is no such interview in this organization.
    """

    create: Final = sync(AsyncInterviews.create)
    list: Final = sync(AsyncInterviews.list)
    iterate: Final = iterating(AsyncInterviews.iterate)
    get: Final = sync(AsyncInterviews.get)
    cancel: Final = sync(AsyncInterviews.cancel)
    reschedule: Final = sync(AsyncInterviews.reschedule)
    delete: Final = sync(AsyncInterviews.delete)
    add_participants: Final = sync(AsyncInterviews.add_participants)
    list_participants: Final = sync(AsyncInterviews.list_participants)
    remove_participant: Final = sync(AsyncInterviews.remove_participant)
    get_recording: Final = sync(AsyncInterviews.get_recording)
    download_recording: Final = sync(AsyncInterviews.download_recording)
    get_transcript: Final = sync(AsyncInterviews.get_transcript)
    get_evaluation: Final = sync(AsyncInterviews.get_evaluation)
    trigger_analysis: Final = sync(AsyncInterviews.trigger_analysis)
    get_availability: Final = sync(AsyncInterviews.get_availability)
    get_busy_blocks: Final = sync(AsyncInterviews.get_busy_blocks)
    wait_for_evaluation: Final = sync(AsyncInterviews.wait_for_evaluation)
    resolve: Final = sync(AsyncInterviews.resolve)


class AI(SyncProxy[AsyncAI]):
    """Texts that the AI writes. These calls have their own rate limit, 5 per minute by default."""

    generate_job_description: Final = sync(AsyncAI.generate_job_description)


class Organization(SyncProxy[AsyncOrganization]):
    """The organization that the client's key belongs to."""

    get: Final = sync(AsyncOrganization.get)
