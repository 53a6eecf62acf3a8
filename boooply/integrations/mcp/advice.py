"""The texts for a model when a call fails: what went wrong, and what to do next."""

import json
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final, TypeGuard

from boooply.errors import (
    AmbiguousWriteError,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BoooplyError,
    ConfigurationError,
    DeadlineExceededError,
    DecodingError,
    NotFoundError,
    PermissionDeniedError,
    ProvisioningError,
    RateLimitError,
    ServerError,
    StoreError,
    ValidationError,
    WrongTenantError,
)
from boooply.integrations.mcp.calls import Tool
from boooply.integrations.mcp.schemas import MEETING_CODE
from boooply.protocol.endpoints import CREATE_INTERVIEW, CREATE_ORGANIZATION_API_KEY
from boooply.protocol.messages import Idempotency
from boooply.provisioning.outcomes import KeysNotStoredError
from boooply.ratelimit.headers import CLOCKS_DIFFER, ROUNDED
from boooply.secret import redact, writable

_LONGEST_CALL: Final = timedelta(minutes=1)  # from a request to its response; this server waits for less

# The errors after which a request may have been carried out.
Ambiguous = AmbiguousWriteError | DecodingError

# The nearest class of an error applies.
_ADVICE: Final[dict[type, str]] = {
    ValidationError: "Nothing was sent. Change this argument and call again.",
    AuthenticationError: (
        "Boooply rejected the key of this server. Calling again does not help. The user must set a valid key where "
        "this server is started, and restart it."
    ),
    PermissionDeniedError: (
        "The key of this server does not have this permission. Calling again does not help. Inform the user."
    ),
    NotFoundError: "Check the meetingCode. list_interviews returns the existing interviews.",
    RateLimitError: "The rate limit of this minute is used up. Call again in the next minute.",
    ServerError: "Boooply failed. Wait a minute, then call again. If it fails again, inform the user.",
    APIStatusError: (
        "Boooply rejected the call. Calling again with the same arguments does not help. Change the arguments that the "
        "message names, or read the state of the interview with get_interview."
    ),
    DeadlineExceededError: "As far as this server knows, the call was not carried out. Call again later.",
    APIConnectionError: (
        "Boooply cannot be reached. Wait a minute, then call again. If it fails again, ask the user to check the "
        "network and the base URL of this server."
    ),
    DecodingError: (
        "The API's response cannot be read. Wait a minute, then call again. If it fails again, inform the user."
    ),
    KeysNotStoredError: (
        "The key was minted but is not stored yet. This server tries to store it as long as it runs. Ask the user not "
        "to stop the server, and to check the store."
    ),
    ProvisioningError: (
        "It is unknown whether a key was minted for this customer. Do not call again. The user must check the customer "
        "with: boooply tenants show ID"
    ),
    WrongTenantError: "Do not call again. The user must check the store.",
    StoreError: "The store of this server failed. Wait a minute, then call again. If it fails again, inform the user.",
    ConfigurationError: "The user must correct the settings of this server, and restart it.",
    BoooplyError: "Inform the user.",
}

# Texts for a model, used instead of errors that are written for programmers.
_TEXTS: Final[dict[type[BoooplyError], str]] = {
    KeysNotStoredError: "the key was minted but could not be stored",
    ProvisioningError: "the customer is in doubt",
}


def explain(tool: Tool, error: BoooplyError, wait: float | None = None) -> str:
    """Describe what went wrong and what to do, without any secret.

    ``wait`` is the time in seconds until the server's limiter has a free slot, if the call failed for that reason.
    """
    problem = _TEXTS.get(type(error), str(error))
    if _is_ambiguous(error, tool):
        advice = _advice_if_ambiguous(tool, error)
    else:
        advice = next(_ADVICE[kind] for kind in type(error).__mro__ if kind in _ADVICE)
    seconds = error.retry_after if isinstance(error, APIStatusError) else wait
    pause = f" Wait {max(1, ceil(seconds))} seconds before that." if seconds is not None else ""
    return writable(redact(f"{tool.name} failed. {problem}\n{advice}{pause}"))


def _is_ambiguous(error: BoooplyError, tool: Tool) -> TypeGuard[Ambiguous]:
    """Return whether the tool may have taken effect. An unreadable response does not rule that out."""
    if isinstance(error, DecodingError):  # it may belong to a read that followed
        return tool.effect is not None and error.operation == tool.endpoint.operation
    return isinstance(error, AmbiguousWriteError)


def _advice_if_ambiguous(tool: Tool, error: Ambiguous) -> str:
    if tool.endpoint is CREATE_INTERVIEW:
        since = _since(error).isoformat(timespec="seconds").replace("+00:00", "Z")
        return (
            f"Do not call {tool.name} again now. The people may have been invited, and would get a second e-mail. "
            f'First call list_interviews with {{"dateField": "created", "dateFrom": "{since}"}}, and compare the '
            "people of each interview. If it is there, it was created, and nothing is left to do. If it is not there, "
            "wait a minute and check again, because it may appear late. If it is still not there, ask the user before "
            "you create it again."
        )
    if tool.endpoint is CREATE_ORGANIZATION_API_KEY:
        return (
            "Do not call again. A key may have been minted that nobody has, and the API cannot show it. The customer "
            "is now in doubt. The user must check the customer with: boooply tenants show ID"
        )
    if tool.endpoint.idempotency is Idempotency.IDEMPOTENT:
        code = (
            "the same meetingCode" if isinstance(error, DecodingError) else json.dumps({MEETING_CODE: error.identity})
        )
        return (
            f"Do not call again yet. First call get_interview with {code}. If it shows the change, the call was "
            "carried out."
        )
    return (
        "Do not call again yet. The call may have been carried out. "
        "First read the state with get_interview or get_evaluation, and ask the user."
    )


def _since(error: Ambiguous) -> datetime:
    if isinstance(error, DecodingError):
        return datetime.now(UTC) - _LONGEST_CALL - CLOCKS_DIFFER
    return error.sent_at.astimezone(UTC) - (ROUNDED if error.by_api_clock else CLOCKS_DIFFER)
