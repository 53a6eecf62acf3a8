"""The twins of ``boooply.resources``, a line a method."""

from typing import Final

from boooply.blocking.bridge import Twin
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.organization import AsyncOrganization


class Interviews(Twin[AsyncInterviews]):
    """The interviews of the client's organization."""

    create: Final = Twin.of(AsyncInterviews.create)
    list: Final = Twin.of(AsyncInterviews.list)
    iterate: Final = Twin.iterating(AsyncInterviews.iterate)
    get: Final = Twin.of(AsyncInterviews.get)
    cancel: Final = Twin.of(AsyncInterviews.cancel)
    reschedule: Final = Twin.of(AsyncInterviews.reschedule)
    delete: Final = Twin.of(AsyncInterviews.delete)
    add_participants: Final = Twin.of(AsyncInterviews.add_participants)
    list_participants: Final = Twin.of(AsyncInterviews.list_participants)
    remove_participant: Final = Twin.of(AsyncInterviews.remove_participant)
    get_recording: Final = Twin.of(AsyncInterviews.get_recording)
    download_recording: Final = Twin.of(AsyncInterviews.download_recording)
    get_transcript: Final = Twin.of(AsyncInterviews.get_transcript)
    get_evaluation: Final = Twin.of(AsyncInterviews.get_evaluation)
    trigger_analysis: Final = Twin.of(AsyncInterviews.trigger_analysis)
    get_availability: Final = Twin.of(AsyncInterviews.get_availability)
    get_busy_blocks: Final = Twin.of(AsyncInterviews.get_busy_blocks)
    wait_for_evaluation: Final = Twin.of(AsyncInterviews.wait_for_evaluation)
    resolve: Final = Twin.of(AsyncInterviews.resolve)


class AI(Twin[AsyncAI]):
    """Texts that the AI writes; these calls have a rate limit of their own, 5 a minute."""

    generate_job_description: Final = Twin.of(AsyncAI.generate_job_description)


class Organization(Twin[AsyncOrganization]):
    """The organization of the client's key."""

    get: Final = Twin.of(AsyncOrganization.get)
