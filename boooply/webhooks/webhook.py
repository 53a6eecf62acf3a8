"""Verification of webhooks: the signature, then the event, then its age."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import attrs

from boooply.errors import (
    BoooplyError,
    InvalidSignatureError,
    MalformedEventError,
    StaleEventError,
    ValidationError,
    WebhookError,
)
from boooply.protocol.settings import FUNCTION, SECONDS, WEBHOOK, Rule, check_all, optional, webhook_secrets
from boooply.secret import Secret, as_secrets, hide_locals
from boooply.webhooks.events import Event, event_of
from boooply.webhooks.headers import Headers, values_of
from boooply.webhooks.signature import is_signed, stringified

LARGEST_BODY: Final = 10 * 2**20
"""The largest body, in bytes. The transcript of an hour is far smaller."""

_LARGEST_DIAGNOSIS: Final = 64 * 2**10
SIGNATURE: Final = "X-Boooply-Signature"
_EVENT: Final = "X-Boooply-Event"
_HEX_DIGITS: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_RAW_BYTES: Final = (
    "FastAPI: await request.body(); Flask: request.get_data(); Django: request.body; aiohttp: await request.read()"
)
_RULES: Final[dict[str, Rule]] = {"max_age": optional(SECONDS, "None for no limit"), "clock": FUNCTION}


def _now() -> datetime:
    return datetime.now(UTC)


class Webhook:
    """A verifier of the webhooks that Boooply sends to your endpoint.

    It does not detect repeated deliveries. To handle each event only once, compare ``Event.idempotency_key``.

    Args:
        secret: The webhook secret (``whsec_…``), or several secrets while you replace one. Default: the environment
            variable ``BOOOPLY_WEBHOOK_SECRET``, which may contain several secrets, separated by commas.
        max_age: The largest difference between the signed time of an event and the current time, in seconds. Default:
            None, which accepts any age. Boooply retries a delivery for a minute or two, and you can replay an event
            from the dashboard much later.
        clock: A function that returns the current time with its time zone. Tests of ``max_age`` replace it. Default:
            the clock of this machine.

    Raises:
        ConfigurationError: A secret is missing, is too short or cannot be a webhook secret, or ``max_age`` is not above
            zero.
    """

    def __init__(
        self,
        secret: str | Secret | Iterable[str | Secret] | None = None,
        /,
        *,
        max_age: float | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        secrets = secret = as_secrets(secret, os.environ.get(WEBHOOK.variable))
        self._secrets = webhook_secrets(secrets)
        check_all(_RULES, max_age=max_age, clock=clock)
        self._max_age = max_age
        self._clock = clock

    @hide_locals
    def verify(self, raw_body: bytes | bytearray | memoryview, headers: Headers, /) -> Event:
        """Verify a request, and return its event.

        Args:
            raw_body: The raw bytes of the request's body, before any parsing.
            headers: The headers of the request: a mapping or a list of pairs.

        Raises:
            InvalidSignatureError: The signature is missing or invalid. Respond with 401.
            MalformedEventError: The signature is valid, but the body is not an event. Also raised if the body is larger
                than 10 MiB. Respond with 400.
            StaleEventError: The signed time is missing, or differs from now by more than ``max_age``. Respond with 400.
            ValidationError: The body is not bytes, because your framework has parsed it.
        """
        outcome = self._judge(_octets(raw_body), headers)
        if isinstance(outcome, BoooplyError):
            raise outcome
        return outcome

    def _judge(self, body: bytes, headers: Headers) -> Event | WebhookError | ValidationError:
        found = values_of(headers, SIGNATURE, _EVENT)
        if found is None:
            return ValidationError("headers", "must be a mapping or a list of pairs: pass those of the request")
        signatures, events = found
        problem = _unusable(signatures)
        if problem is not None:
            return InvalidSignatureError(f"the header {SIGNATURE} {problem}")
        if len(body) > LARGEST_BODY:
            return MalformedEventError(f"the body is larger than {LARGEST_BODY:,} bytes")
        if not is_signed(body, signatures[0], self._secrets):
            return _mismatch(body, signatures[0], self._secrets)
        event = event_of(body)
        if isinstance(event, str):
            return MalformedEventError(event)
        announced = next((name for name in events if name != event.event), None)
        return self._stale(event) or (event if announced is None else attrs.evolve(event, announced_as=announced))

    def _stale(self, event: Event) -> StaleEventError | None:
        if self._max_age is None:
            return None
        if event.timestamp is None:
            return StaleEventError("the event has no signed time, so max_age cannot be checked")
        age = self._clock() - event.timestamp
        if abs(age) <= timedelta(seconds=self._max_age):
            return None
        seconds = abs(age).total_seconds()
        side = "past" if age > timedelta() else "future"
        return StaleEventError(
            f"the event's signed time is {seconds:,.0f} s in the {side}, and max_age is {self._max_age:,g} s"
        )


def _octets(raw_body: object) -> bytes:
    if isinstance(raw_body, bytes | bytearray | memoryview):
        return bytes(cast("bytes", raw_body))  # pyright does not know the item type of a memoryview
    found = type(raw_body).__name__
    del raw_body
    raise ValidationError("raw_body", f"must be the raw bytes of the body, not a {found}: {_RAW_BYTES}")


def _unusable(signatures: list[str]) -> str | None:
    if not signatures:
        return "is missing"
    if len(signatures) > 1:
        return f"occurs {len(signatures)} times"
    return None if _HEX_DIGITS.fullmatch(signatures[0]) else "is not 64 hexadecimal digits"


def _mismatch(body: bytes, signature: str, secrets: tuple[Secret, ...]) -> InvalidSignatureError:
    original = stringified(body) if len(body) <= _LARGEST_DIAGNOSIS else None
    if original is not None and is_signed(original, signature, secrets):
        return InvalidSignatureError(
            "the signature matches this JSON, but not these bytes: something has parsed the body and serialized it. "
            f"Pass the raw bytes. {_RAW_BYTES}",
            is_reserialized=True,
        )
    return InvalidSignatureError(
        "the signature matches none of the secrets: the body was altered, or the secret belongs to another endpoint"
    )
