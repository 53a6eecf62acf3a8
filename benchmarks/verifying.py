"""A webhook of 10 kB, verified and read: ``python benchmarks/verifying.py VARIANT ROUNDS``."""

import base64
import hashlib
import hmac
import sys
import time
from collections.abc import Callable

from measure import measured
from payloads import evaluation_event

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
BODY = evaluation_event()

Verify = Callable[[], object]


def boooply() -> Verify:
    """Verified, and read as a typed event."""
    from boooply.webhooks import Webhook, sign

    webhook, headers = Webhook(SECRET), {"X-Boooply-Signature": sign(BODY, SECRET)}
    return lambda: webhook.verify(BODY, headers)


def hmac_alone() -> Verify:
    """The least work: one HMAC, compared."""
    key, signature = SECRET.encode(), hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    return lambda: hmac.compare_digest(hmac.new(key, BODY, hashlib.sha256).hexdigest(), signature)


def hmac_and_json() -> Verify:
    """The least work to verify and read: one HMAC, and the standard library's JSON."""
    import json

    check = hmac_alone()
    return lambda: check() and json.loads(BODY)


def standardwebhooks() -> Verify:
    """Verified, and read as a dictionary."""
    from datetime import UTC, datetime

    from standardwebhooks import Webhook

    webhook, now = Webhook(SECRET), datetime.now(UTC)
    signature = webhook.sign("msg_1", now, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return lambda: webhook.verify(BODY, headers)


def stripe() -> Verify:
    """Verified, and read as stripe's own object."""
    import stripe

    signed = f"{int(time.time())}.{BODY.decode()}"
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    header = f"t={signed.partition('.')[0]},v1={signature}"
    return lambda: stripe.Webhook.construct_event(BODY, header, SECRET)


VARIANTS: dict[str, Callable[[], Verify]] = {
    one.__name__: one for one in (boooply, hmac_alone, hmac_and_json, standardwebhooks, stripe)
}

if __name__ == "__main__":
    variant, rounds = sys.argv[1:]
    verify = VARIANTS[variant]()
    assert verify()  # noqa: S101 - the peers do the same work
    for _ in range(int(rounds) // 10):
        verify()
    with measured(int(rounds)):
        for _ in range(int(rounds)):
            verify()
