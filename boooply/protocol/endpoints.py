"""The table of endpoints, one for each operation. No other module of the client contains a path of the API.

The reference page of operations is generated from ``ENDPOINTS``.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import NoneType
from typing import Any, Final, Generic, TypeVar, cast

import attrs

from boooply.converter import StructureError, structure, unstructure
from boooply.errors import APIStatusError, DecodingError
from boooply.models import (
    AnalysisJob,
    Availability,
    BusyBlocks,
    Evaluation,
    Interview,
    InterviewParticipant,
    Organization,
    OrganizationApiKey,
    Page,
    Recording,
    Rescheduling,
    SessionStatus,
    TranscriptEntry,
)
from boooply.protocol.bodies import model_body
from boooply.protocol.envelopes import Envelope, bare, evaluation, items, minted, page, under, within
from boooply.protocol.errors import error_from_response
from boooply.protocol.messages import (
    A_PAGE,
    Idempotency,
    RateLimitClass,
    Reconciliation,
    Request,
    Response,
    is_page,
    json_object,
    path_segment,
    query_string,
)
from boooply.protocol.subjects import mismatch
from boooply.secret import hide_locals, redact

T = TypeVar("T")

READS, WRITES, AI = RateLimitClass.READS, RateLimitClass.WRITES, RateLimitClass.AI
SAFE, UNSAFE, IDEMPOTENT = Idempotency.SAFE, Idempotency.UNSAFE, Idempotency.IDEMPOTENT


@attrs.frozen
class Endpoint(Generic[T]):
    """One operation: its request, rate-limit class, idempotency and result."""

    operation: str
    method: str
    path: str
    limit: RateLimitClass
    idempotency: Idempotency
    result: Any  # the type T: type checkers accept no union as a type[T]
    envelope: Envelope = bare
    reconcile: "Reconcile | None" = None

    def request(self, *, body: object = None, query: object = None, **path_params: str) -> Request:
        """Return a request, created from checked request objects. ``path_params`` are the variables of the path.

        Raises:
            ValidationError: A path parameter cannot be part of a path.
        """
        path = self.path
        if path_params:
            path = path.format_map({name: path_segment(name, value) for name, value in path_params.items()})
        parameters = "" if query is None else query_string(unstructure(query))
        return Request(
            operation=self.operation,
            method=self.method,
            target=f"{path}?{parameters}" if parameters else path,
            template=self.path,
            limit=self.limit,
            idempotency=self.idempotency,
            body=None if body is None else model_body(unstructure(body)),
            may_be_empty=self.result is NoneType,
            mints=self.result is OrganizationApiKey,
            meeting_code=path_params.get("meeting_code"),
            check=self._problem,
            subject=query if body is None else body,
            reconcile=None if self.reconcile is None else self.reconcile.of(body, path_params),
        )

    @hide_locals
    def parse(self, response: Response) -> T:
        """Return the result in a response.

        Raises:
            APIStatusError: The response reports an error.
            DecodingError: The response cannot be read, or names another interview or person.
        """
        payload = json_object(response)
        error = error_from_response(self.operation, response, payload)
        if error is not None:
            raise error
        problem: str | None
        try:
            result = self._result(payload)
        except StructureError as structure_error:
            problem = _not_an_object(response) if payload is None else str(structure_error)
        else:
            problem = None if payload is None else mismatch(response.request, payload, result)
            if problem is None:
                return result
        organization_id = response.organization_id
        raise DecodingError(self.operation, response.status, (problem,), organization_id=organization_id)

    def _result(self, payload: dict[str, Any] | None) -> T:
        if self.result is NoneType:
            return cast("T", None)
        if payload is None:
            raise StructureError("expected an object")
        return cast("T", structure(self.envelope(payload), self.result))

    def _problem(self, response: Response) -> str | None:
        """Return why a response cannot be read, or None if it can be read or reports an error."""
        try:
            self.parse(response)
        except DecodingError as error:
            return "; ".join(error.problems)
        except APIStatusError:
            pass
        return None


def _not_an_object(response: Response) -> str:
    content_type = response.headers.get("Content-Type", "no content type").partition(";")[0]
    page = f" ({A_PAGE})" if is_page(response) else ""
    size, kind = len(response.body), redact(content_type, response.key)[:80]
    return f"expected a JSON object, found {size} bytes of {kind}{page}"


@attrs.frozen
class Reconcile:
    """How to find out whether a request was carried out: the endpoint to read, and the check of its result.

    ``done`` receives the result (None after a 404), the body that was sent, and the path parameters.
    """

    read: Endpoint[Any]
    done: Callable[[Any, Any, Mapping[str, str]], bool]

    def of(self, body: object, path_params: Mapping[str, str]) -> Reconciliation:
        """Return the read that reconciles one request."""
        request = self.read.request(meeting_code=path_params["meeting_code"])

        def reconciled(response: Response) -> Response | None:
            # without JSON, the 404 is that of a proxy
            is_missing = response.status == _NOT_FOUND and json_object(response) is not None
            found = None if is_missing else self.read.parse(response)
            if not self.done(found, body, path_params):
                return None
            return _NOTHING_LEFT if found is None else response

        return Reconciliation(request, reconciled)


_NOT_FOUND: Final = 404
_ROUNDED: Final = timedelta(seconds=1)
_NOTHING_LEFT: Final = Response(status=204, headers={}, body=b"")


def _is_cancelled(found: Interview | None, _body: object, _path_params: Mapping[str, str]) -> bool:
    return found is not None and found.session_status == SessionStatus.CANCELLED


def _is_moved(found: Interview | None, body: Rescheduling, _path_params: Mapping[str, str]) -> bool:
    if found is None or found.scheduled_at is None:
        return False
    is_same_time = abs(found.scheduled_at - body.scheduled_at) < _ROUNDED  # the API may round to milliseconds
    return is_same_time and body.duration_minutes in {None, found.duration_minutes}


def _is_gone(found: Interview | None, _body: object, _path_params: Mapping[str, str]) -> bool:
    return found is None


def _is_out(found: tuple[InterviewParticipant, ...] | None, _body: object, path_params: Mapping[str, str]) -> bool:
    return all(participant.id != path_params["participant_id"] for participant in found or ())


_INTERVIEWS: Final = "/api/integration/interviews"
_INTERVIEW: Final = f"{_INTERVIEWS}/{{meeting_code}}"

CREATE_ORGANIZATION_API_KEY: Final = Endpoint[OrganizationApiKey](
    "create_organization_api_key", "POST", "/api/server-auth/create-api-key", WRITES, UNSAFE, OrganizationApiKey, minted
)
GET_ORGANIZATION: Final = Endpoint[Organization](
    "organization.get", "GET", "/api/integration/organization", READS, SAFE, Organization, within("organization")
)

CREATE_INTERVIEW: Final = Endpoint[Interview](
    "interviews.create", "POST", _INTERVIEWS, WRITES, UNSAFE, Interview, within("meeting")
)
LIST_INTERVIEWS: Final = Endpoint[Page]("interviews.list", "GET", _INTERVIEWS, READS, SAFE, Page, page)
GET_INTERVIEW: Final = Endpoint[Interview](
    "interviews.get", "GET", _INTERVIEW, READS, SAFE, Interview, within("meeting")
)
CANCEL_INTERVIEW: Final = Endpoint[Interview](
    "interviews.cancel",
    "PATCH",
    f"{_INTERVIEW}/cancel",
    WRITES,
    IDEMPOTENT,
    Interview,
    within("meeting"),
    Reconcile(GET_INTERVIEW, _is_cancelled),
)
RESCHEDULE_INTERVIEW: Final = Endpoint[Interview](
    "interviews.reschedule",
    "PATCH",
    f"{_INTERVIEW}/reschedule",
    WRITES,
    IDEMPOTENT,
    Interview,
    within("meeting"),
    Reconcile(GET_INTERVIEW, _is_moved),
)
DELETE_INTERVIEW: Final = Endpoint[None](
    "interviews.delete",
    "DELETE",
    _INTERVIEW,
    WRITES,
    IDEMPOTENT,
    NoneType,
    reconcile=Reconcile(GET_INTERVIEW, _is_gone),
)

ADD_PARTICIPANTS: Final = Endpoint[tuple[InterviewParticipant, ...]](
    "interviews.add_participants",
    "POST",
    f"{_INTERVIEW}/participants",
    WRITES,
    UNSAFE,
    tuple[InterviewParticipant, ...],
    items("participants"),
)
LIST_PARTICIPANTS: Final = Endpoint[tuple[InterviewParticipant, ...]](
    "interviews.list_participants",
    "GET",
    f"{_INTERVIEW}/participants",
    READS,
    SAFE,
    tuple[InterviewParticipant, ...],
    items("participants"),
)
REMOVE_PARTICIPANT: Final = Endpoint[None](
    "interviews.remove_participant",
    "DELETE",
    f"{_INTERVIEW}/participants/{{participant_id}}",
    WRITES,
    IDEMPOTENT,
    NoneType,
    reconcile=Reconcile(LIST_PARTICIPANTS, _is_out),
)

GET_RECORDING: Final = Endpoint[Recording | None](
    "interviews.get_recording", "GET", f"{_INTERVIEW}/recording", READS, SAFE, Recording | None, under("recording")
)
GET_TRANSCRIPT: Final = Endpoint[tuple[TranscriptEntry, ...]](
    "interviews.get_transcript",
    "GET",
    f"{_INTERVIEW}/transcript",
    READS,
    SAFE,
    tuple[TranscriptEntry, ...],
    items("transcript"),
)
GET_EVALUATION: Final = Endpoint[Evaluation | None](
    "interviews.get_evaluation", "GET", f"{_INTERVIEW}/evaluation", READS, SAFE, Evaluation | None, evaluation
)
TRIGGER_ANALYSIS: Final = Endpoint[AnalysisJob](
    "interviews.trigger_analysis", "POST", f"{_INTERVIEW}/analyze", WRITES, UNSAFE, AnalysisJob
)

GET_AVAILABILITY: Final = Endpoint[Availability](
    "interviews.get_availability", "GET", "/api/integration/availability", READS, SAFE, Availability
)
GET_BUSY_BLOCKS: Final = Endpoint[BusyBlocks](
    "interviews.get_busy_blocks", "GET", "/api/integration/busy-blocks", READS, SAFE, BusyBlocks
)

GENERATE_JOB_DESCRIPTION: Final = Endpoint[str](
    "ai.generate_job_description",
    "POST",
    "/api/integration/generate-job-description",
    AI,
    UNSAFE,
    str,
    under("description", "jobDescription"),
)

ENDPOINTS: Final = tuple(cast("Endpoint[Any]", one) for one in tuple(globals().values()) if isinstance(one, Endpoint))
