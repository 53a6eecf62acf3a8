"""A local copy of Boooply's API.

The sandbox shares no code with the client, so that the two cannot contain the same mistake. Every HTTP client can use
it, including the vendor's JavaScript SDK.
"""

from boooply.sandbox.faults import Faults
from boooply.sandbox.limits import Clock, Limits
from boooply.sandbox.playing import Step
from boooply.sandbox.records import Attempt, Call, Delivery, Email, Fault, RedirectHit, WebhookRequest
from boooply.sandbox.sandbox import Sandbox
from boooply.sandbox.webhooks import Webhooks
from boooply.sandbox.wire import SandboxError

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
