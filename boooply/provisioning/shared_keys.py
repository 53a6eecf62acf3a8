"""A key that two customers were given: the later one is in doubt, and the API is asked about the earlier one."""

from collections.abc import Awaitable, Callable

from boooply.recording import Recorder, SharedKeyError
from boooply.secret import Secret

# Asks the API whose a key is, and returns why it may not be a customer's, or None if it is.
Ask = Callable[[Secret, str], Awaitable[str | None]]


async def check_holder(
    recorder: Recorder, ask: Ask, shared: SharedKeyError, organization_id: str, api_key: Secret, /
) -> None:
    """Ask about the earlier customer of a key that another one was given too; unless it is its own, it is in doubt."""
    problem = await ask(api_key, shared.holder)
    if problem is not None:
        await recorder.reopen(shared.holder, reason=f"{organization_id} was given the same key, and {problem}")


async def restore_key(
    recorder: Recorder, ask: Ask, organization_id: str, api_key: Secret, /, *, create: bool = False
) -> str | None:
    """Store a key outside the run that minted it, and return why it is not stored, or None if it is.

    Raises:
        ValidationError: The id is blank or contains a control character.
        ConfigurationError: It is not an organization's key.
        StoreError: The store fails.
    """
    try:
        is_stored = await recorder.restore(organization_id, api_key, create=create)
    except SharedKeyError as shared:
        await check_holder(recorder, ask, shared, organization_id, api_key)
        return f"its key is not stored: {shared.reason}"
    if is_stored is None:
        return "was disconnected meanwhile: its late key is not stored"
    return None if is_stored else "has another key by now, which is kept; you may revoke this one at Boooply"
