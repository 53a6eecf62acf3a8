"""Keys that two customers received. The later customer is in doubt, and the API is asked about the earlier one."""

from collections.abc import Awaitable, Callable

from boooply.recording import Recorder, SharedKeyError
from boooply.secret import Secret

# Asks the API whether a key belongs to a customer. Returns None if it does, or the reason why it may not.
Ask = Callable[[Secret, str], Awaitable[str | None]]


async def check_holder(
    recorder: Recorder, ask: Ask, shared: SharedKeyError, organization_id: str, api_key: Secret, /
) -> None:
    """Ask the API whether a key belongs to its earlier customer. If that is not certain, this customer is in doubt."""
    problem = await ask(api_key, shared.holder)
    if problem is not None:
        await recorder.reopen(shared.holder, reason=f"{organization_id} received the same key, and {problem}")


async def restore_key(
    recorder: Recorder, ask: Ask, organization_id: str, api_key: Secret, /, *, create: bool = False
) -> str | None:
    """Store a key outside the run that minted it. Return None if it is stored, or the reason why it is not.

    Raises:
        ValidationError: The id is blank or contains a control character.
        ConfigurationError: The key is not an organization key.
        StoreError: The store fails.
    """
    try:
        is_stored = await recorder.restore(organization_id, api_key, create=create)
    except SharedKeyError as shared:
        await check_holder(recorder, ask, shared, organization_id, api_key)
        return f"its key is not stored: {shared.reason}"
    if is_stored is None:
        return "was disconnected in the meantime: its late key is not stored"
    return None if is_stored else "already has another key, which is kept. You can revoke this one at Boooply."
