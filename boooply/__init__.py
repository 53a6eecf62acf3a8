"""The Python SDK for Boooply's AI interviews API.

``AsyncBoooplyPlatform`` connects your customers. ``AsyncBoooplyClient`` works with the interviews of one organization.
``BoooplyPlatform`` and ``BoooplyClient`` do the same without ``await``.
"""

from boooply.lazy import publish
from boooply.version import __version__ as __version__

TYPE_CHECKING = False  # type checkers treat it as typing.TYPE_CHECKING, which would import typing
if TYPE_CHECKING:
    from boooply.blocking.client import BoooplyClient as BoooplyClient
    from boooply.blocking.client import BoooplyPlatform as BoooplyPlatform
    from boooply.blocking.provisioning import Tenants as Tenants
    from boooply.client import AsyncBoooplyClient as AsyncBoooplyClient
    from boooply.converter import from_dict as from_dict
    from boooply.converter import to_dict as to_dict
    from boooply.errors import *
    from boooply.models import *
    from boooply.platform import AsyncBoooplyPlatform as AsyncBoooplyPlatform
    from boooply.protocol.attempts import AttemptInfo as AttemptInfo
    from boooply.protocol.messages import RateLimitClass as RateLimitClass
    from boooply.protocol.messages import Response as Response
    from boooply.protocol.retry import RetryPolicy as RetryPolicy
    from boooply.provisioning.outcomes import KeysNotStoredError as KeysNotStoredError
    from boooply.provisioning.tenants import AsyncTenants as AsyncTenants
    from boooply.ratelimit.limits import RateLimits as RateLimits
    from boooply.ratelimit.status import RateLimitStatus as RateLimitStatus
    from boooply.secret import Secret as Secret

# Imported on first use, so that a script starts without aiohttp.
publish(
    __name__,
    {
        "boooply.blocking.client": ("BoooplyClient", "BoooplyPlatform"),
        "boooply.blocking.provisioning": ("Tenants",),
        "boooply.client": ("AsyncBoooplyClient",),
        "boooply.converter": ("from_dict", "to_dict"),
        "boooply.errors": ("*",),
        "boooply.models": ("*",),
        "boooply.platform": ("AsyncBoooplyPlatform",),
        "boooply.protocol.attempts": ("AttemptInfo",),
        "boooply.protocol.messages": ("RateLimitClass", "Response"),
        "boooply.protocol.retry": ("RetryPolicy",),
        "boooply.provisioning.outcomes": ("KeysNotStoredError",),
        "boooply.provisioning.tenants": ("AsyncTenants",),
        "boooply.ratelimit.limits": ("RateLimits",),
        "boooply.ratelimit.status": ("RateLimitStatus",),
        "boooply.secret": ("Secret",),
        "boooply.version": ("__version__",),
    },
)
