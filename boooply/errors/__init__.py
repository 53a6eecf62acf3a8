"""Everything this package raises.

BoooplyError
├── ConfigurationError              a key, base URL or option that cannot work
├── ValidationError                 an argument that the API would reject: names field and rule
├── APIError                        a call that failed
│   ├── APIConnectionError          no response: the API could not be reached, or closed the connection
│   │   └── APITimeoutError         one attempt took too long
│   ├── DeadlineExceededError       the deadline of a call passed, or would have
│   ├── AmbiguousWriteError         the request may have been carried out, and is not sent again
│   ├── DecodingError               a response that is not what the contract promises
│   └── APIStatusError              a response that reports an error
│       ├── BadRequestError         400
│       ├── AuthenticationError     401
│       ├── PaymentRequiredError    402
│       ├── PermissionDeniedError   403
│       ├── NotFoundError           404
│       ├── ConflictError           409
│       ├── UnprocessableEntityError 422
│       ├── RateLimitError          429
│       └── ServerError             5xx
├── InterviewNotEvaluatedError      the interview ended without one (defined in ``boooply.models``)
├── ProvisioningError               a customer file that cannot be used, or a run that must stop
│   └── KeysNotStoredError          keys that cannot be stored (defined in ``boooply.provisioning``)
├── NotConnectedError               no key of this customer is stored
├── WrongTenantError                a stored key belongs to another customer
├── WebhookError                    a webhook that is not genuine, or cannot be read
│   ├── InvalidSignatureError       it is not signed with one of these secrets
│   ├── StaleEventError             it is signed, and older than ``max_age``
│   └── MalformedEventError         it is signed, and not what the contract promises
├── DeclinedError                   a handler leaves an event to another process (defined in ``boooply.store``)
└── StoreError                      the store cannot be opened, read or written
    ├── StoreMismatchError          the store belongs to another API, or to other platform keys
    └── CorruptKeyError             a stored key is not what was stored

No message, attribute or traceback of any of them shows a key, a join token, a CV or a transcript.
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
