"""The store: keys, encrypted, the ledger of their minting, rate limits and events (the extra ``store``).

A name with ``Async`` is awaited; the same name without it blocks.
"""

from boooply.lazy import names_of

TYPE_CHECKING = False  # as in the package's own __init__
if TYPE_CHECKING:
    from boooply.blocking.deduplicator import Deduplicator
    from boooply.blocking.inbox import Inbox
    from boooply.blocking.store import Events, KeyStore, Ledger, Store
    from boooply.store.deduplicator import AsyncDeduplicator
    from boooply.store.entries import ClaimResult, Entry, State, is_same_run, tenant_of
    from boooply.store.events import AsyncEvents
    from boooply.store.inbox import AsyncInbox, DeclinedError
    from boooply.store.keys import AsyncKeyStore
    from boooply.store.ledger import AsyncLedger
    from boooply.store.store import AsyncStore

# On first use: in memory, an AsyncDeduplicator needs nothing of that extra.
_MODULES = {
    "boooply.blocking.deduplicator": ("Deduplicator",),
    "boooply.blocking.inbox": ("Inbox",),
    "boooply.blocking.store": ("Events", "KeyStore", "Ledger", "Store"),
    "boooply.store.deduplicator": ("AsyncDeduplicator",),
    "boooply.store.entries": ("ClaimResult", "Entry", "State", "is_same_run", "tenant_of"),
    "boooply.store.events": ("AsyncEvents",),
    "boooply.store.inbox": ("DeclinedError", "AsyncInbox"),
    "boooply.store.keys": ("AsyncKeyStore",),
    "boooply.store.ledger": ("AsyncLedger",),
    "boooply.store.store": ("AsyncStore",),
}

__all__ = [
    "AsyncDeduplicator",
    "AsyncEvents",
    "AsyncInbox",
    "AsyncKeyStore",
    "AsyncLedger",
    "AsyncStore",
    "ClaimResult",
    "DeclinedError",
    "Deduplicator",
    "Entry",
    "Events",
    "Inbox",
    "KeyStore",
    "Ledger",
    "State",
    "Store",
    "is_same_run",
    "tenant_of",
]


if not TYPE_CHECKING:  # a checker that sees __getattr__ would accept any name
    __getattr__ = names_of(__name__, _MODULES)
