"""What outlives a process: keys, encrypted, the ledger of their minting, and events (the extra ``store``)."""

from boooply.lazy import names_of

TYPE_CHECKING = False  # as in the package's own __init__
if TYPE_CHECKING:
    from boooply.store.deduplicator import Deduplicator
    from boooply.store.events import StoredEvents
    from boooply.store.inbox import Declined, Inbox
    from boooply.store.keys import KeyStore
    from boooply.store.ledger import Claimed, Ledger, tenant_of
    from boooply.store.states import Entry, Standing, State, same_run
    from boooply.store.store import Store

# On first use: in memory, a Deduplicator needs nothing of that extra.
_ROOMS = {
    "boooply.store.deduplicator": ("Deduplicator",),
    "boooply.store.events": ("StoredEvents",),
    "boooply.store.inbox": ("Declined", "Inbox"),
    "boooply.store.keys": ("KeyStore",),
    "boooply.store.ledger": ("Claimed", "Ledger", "tenant_of"),
    "boooply.store.states": ("Entry", "Standing", "State", "same_run"),
    "boooply.store.store": ("Store",),
}

__all__ = [
    "Claimed",
    "Declined",
    "Deduplicator",
    "Entry",
    "Inbox",
    "KeyStore",
    "Ledger",
    "Standing",
    "State",
    "Store",
    "StoredEvents",
    "same_run",
    "tenant_of",
]


if not TYPE_CHECKING:  # a checker that sees __getattr__ would accept any name
    __getattr__ = names_of(__name__, _ROOMS)
