"""A local sandbox: the other end of Boooply's wire, on loopback.

It is built from the contract alone and shares no code with the client, so both ends cannot share one mistake. Drive
it with any HTTP client, the vendor's JavaScript SDK included.
"""

from boooply.sandbox.clock import Clock
from boooply.sandbox.errors import SandboxError
from boooply.sandbox.faults import Faults
from boooply.sandbox.limits import Limits
from boooply.sandbox.playing import Step
from boooply.sandbox.records import Attempt, Call, Delivery, Email, Fault, RedirectHit, WebhookRequest
from boooply.sandbox.sandbox import Sandbox
from boooply.sandbox.webhooks import Webhooks

__all__ = [
    "Attempt",
    "Call",
    "Clock",
    "Delivery",
    "Email",
    "Fault",
    "Faults",
    "Limits",
    "RedirectHit",
    "Sandbox",
    "SandboxError",
    "Step",
    "WebhookRequest",
    "Webhooks",
]
