"""The advice for a model when a call fails: what went wrong, and what to do next."""

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

_LONGEST_CALL: Final = timedelta(minutes=1)  # between a request and its response, and longer than this server waits

# The errors after which a request may have been carried out.
Ambiguous = AmbiguousWriteError | DecodingError

# The nearest class of an error applies.
_ADVICE: Final[dict[type, str]] = {
    ValidationError: "Nothing was sent. Change this argument and call again.",
    AuthenticationError: (
        "The key of this server is refused. Calling again does not help: the user has to set a valid key where "
        "this server is started, and start it again."
    ),
    PermissionDeniedError: "The key of this server may not do this. Calling again does not help: tell the user.",
    NotFoundError: "Check the meetingCode: list_interviews shows those that exist.",
    RateLimitError: "The allowance of this minute is used up: call again when it is over.",
    ServerError: "Boooply failed. Wait a minute, then call again; if it fails again, tell the user.",
    APIStatusError: (
        "Boooply refused it. Calling again with the same arguments does not help: change what it names, or read "
        "where the interview stands with get_interview."
    ),
    DeadlineExceededError: "As far as is known, it was not carried out. Call again later.",
    APIConnectionError: (
        "Boooply cannot be reached. Wait a minute, then call again; if it fails again, ask the user to check the "
        "network and the address that this server was given."
    ),
    DecodingError: (
        "The API's response cannot be read. Wait a minute, then call again; if it fails again, tell the user."
    ),
    KeysNotStoredError: (
        "The key was minted and is not stored yet. This server tries to store it for as long as it runs. Tell the "
        "user not to stop the server, and to look at the store."
    ),
    ProvisioningError: (
        "A key may have been minted for this customer; it cannot be known. Do not call again: the user has to look "
        "into it, with: boooply tenants show ID"
    ),
    WrongTenantError: "Do not call again: the user has to look into the store.",
    StoreError: "The store of this server failed. Wait a minute, then call again; if it fails again, tell the user.",
    ConfigurationError: "The user has to change how this server is started, and start it again.",
    BoooplyError: "Tell the user.",
}

# Texts for a model, where the error's own is for programmers.
_TEXTS: Final[dict[type[BoooplyError], str]] = {
    KeysNotStoredError: "the key came, and the store did not take it",
    ProvisioningError: "the customer is in doubt",
}


def explain(tool: Tool, error: BoooplyError, wait: float | None = None) -> str:
    """Describe what went wrong and what to do, without any secret.

    ``wait`` is the time in seconds until this server's limiter has a free slot, if the call failed for lack of one.
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
    """Return whether the tool may have taken effect: an unreadable response does not mean that it has not."""
    if isinstance(error, DecodingError):  # perhaps that of a read that followed
        return tool.effect is not None and error.operation == tool.endpoint.operation
    return isinstance(error, AmbiguousWriteError)


def _advice_if_ambiguous(tool: Tool, error: Ambiguous) -> str:
    if tool.endpoint is CREATE_INTERVIEW:
        since = _since(error).isoformat(timespec="seconds").replace("+00:00", "Z")
        return (
            f"Do not call {tool.name} again now: the people may have been invited, and would be e-mailed twice. Look "
            f'first: call list_interviews with {{"dateField": "created", "dateFrom": "{since}"}}, and compare the '
            "people of each. If it is there, it was created, and there is nothing left to do. If it is not there, wait "
            "a minute and look once more, since it may come late. If it is still not there, ask the user before you "
            "create it again."
        )
    if tool.endpoint is CREATE_ORGANIZATION_API_KEY:
        return (
            "Do not call again: a key may have been minted that nobody has, and no call of the API shows it. The "
            "customer is in doubt from now on; the user has to look into it, with: boooply tenants show ID"
        )
    if tool.endpoint.idempotency is Idempotency.IDEMPOTENT:
        code = (
            "the same meetingCode" if isinstance(error, DecodingError) else json.dumps({MEETING_CODE: error.identity})
        )
        return (
            f"Do not simply call again. Call get_interview with {code} first: if it shows the change, it was carried "
            "out."
        )
    return (
        "Do not simply call again: it may have been carried out. "
        "Look at the state first, with get_interview or get_evaluation, and ask the user."
    )


def _since(error: Ambiguous) -> datetime:
    if isinstance(error, DecodingError):
        return datetime.now(UTC) - _LONGEST_CALL - CLOCKS_DIFFER
    return error.sent_at.astimezone(UTC) - (ROUNDED if error.by_api_clock else CLOCKS_DIFFER)
