"""The exceptions of this package.

BoooplyError
├── ConfigurationError              a key, a URL or an option is missing or cannot work
├── ValidationError                 an argument breaks a rule of the API; nothing was sent
├── APIError                        a call to the API failed
│   ├── APIConnectionError          no response: the API was unreachable or closed the connection
│   │   └── APITimeoutError         one attempt timed out
│   ├── DeadlineExceededError       the deadline of a call passed, or a wait would have exceeded it
│   ├── AmbiguousWriteError         a write may have been carried out, and is not sent again
│   ├── DecodingError               the response cannot be read: HTML, cut off, or another shape
│   └── APIStatusError              the response reports an error
│       ├── BadRequestError         400
│       ├── AuthenticationError     401
│       ├── PaymentRequiredError    402
│       ├── PermissionDeniedError   403
│       ├── NotFoundError           404
│       ├── ConflictError           409
│       ├── UnprocessableEntityError 422
│       ├── RateLimitError          429
│       └── ServerError             5xx
├── InterviewNotEvaluatedError      the interview ended without an evaluation (defined in ``boooply.models``)
├── ProvisioningError               a customer file cannot be used, or a run must stop
│   └── KeysNotStoredError          new keys cannot be stored (defined in ``boooply.provisioning``)
├── NotConnectedError               no key is stored for the customer
├── WrongTenantError                a stored key belongs to another customer
├── WebhookError                    a webhook is not genuine, or cannot be read
│   ├── InvalidSignatureError       no secret matches its signature
│   ├── StaleEventError             its signed time is older than ``max_age``
│   └── MalformedEventError         its signature is valid, but the body is not an event
├── DeclinedError                   a handler declines an event (defined in ``boooply.store``)
└── StoreError                      the store cannot be opened, read or written
    ├── StoreMismatchError          the store belongs to another API or other platform keys
    └── CorruptKeyError             a stored key was altered, cut off or swapped

No message, attribute or traceback of these exceptions contains a key, a join token, a CV or a transcript.
"""

from boooply.errors.api import *
from boooply.errors.base import *
from boooply.errors.local import *

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "AmbiguousWriteError",
    "AuthenticationError",
    "BadRequestError",
    "BoooplyError",
    "ConfigurationError",
    "ConflictError",
    "CorruptKeyError",
    "DeadlineExceededError",
    "DecodingError",
    "InvalidSignatureError",
    "MalformedEventError",
    "NotConnectedError",
    "NotFoundError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "ProvisioningError",
    "RateLimitError",
    "ServerError",
    "StaleEventError",
    "StoreError",
    "StoreMismatchError",
    "UnprocessableEntityError",
    "ValidationError",
    "WebhookError",
    "WrongTenantError",
]
