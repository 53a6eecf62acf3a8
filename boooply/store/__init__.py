"""The store: encrypted keys, the ledger of their minting, shared rate limits and webhook events (the extra ``store``).

Await the methods of a class with ``Async`` in its name. The class without ``Async`` blocks.
"""

from boooply.lazy import publish

TYPE_CHECKING = False  # as in the package's own __init__
if TYPE_CHECKING:
    from boooply.blocking.deduplicator import Deduplicator as Deduplicator
    from boooply.blocking.inbox import Inbox as Inbox
    from boooply.blocking.store import Events as Events
    from boooply.blocking.store import KeyStore as KeyStore
    from boooply.blocking.store import Ledger as Ledger
    from boooply.blocking.store import Store as Store
    from boooply.store.deduplicator import AsyncDeduplicator as AsyncDeduplicator
    from boooply.store.entries import ClaimResult as ClaimResult
    from boooply.store.entries import Entry as Entry
    from boooply.store.entries import State as State
    from boooply.store.entries import is_same_run as is_same_run
    from boooply.store.entries import tenant_of as tenant_of
    from boooply.store.event_records import EventRecord as EventRecord
    from boooply.store.event_states import EventStatus as EventStatus
    from boooply.store.events import AsyncEvents as AsyncEvents
    from boooply.store.handler_calls import DeclinedError as DeclinedError
    from boooply.store.inbox import AsyncInbox as AsyncInbox
    from boooply.store.keys import AsyncKeyStore as AsyncKeyStore
    from boooply.store.ledger import AsyncLedger as AsyncLedger
    from boooply.store.store import AsyncStore as AsyncStore

# Imported on first use: an AsyncDeduplicator in memory does not need the extra.
publish(
    __name__,
    {
        "boooply.blocking.deduplicator": ("Deduplicator",),
        "boooply.blocking.inbox": ("Inbox",),
        "boooply.blocking.store": ("Events", "KeyStore", "Ledger", "Store"),
        "boooply.store.deduplicator": ("AsyncDeduplicator",),
        "boooply.store.entries": ("ClaimResult", "Entry", "State", "is_same_run", "tenant_of"),
        "boooply.store.event_records": ("EventRecord",),
        "boooply.store.event_states": ("EventStatus",),
        "boooply.store.events": ("AsyncEvents",),
        "boooply.store.handler_calls": ("DeclinedError",),
        "boooply.store.inbox": ("AsyncInbox",),
        "boooply.store.keys": ("AsyncKeyStore",),
        "boooply.store.ledger": ("AsyncLedger",),
        "boooply.store.store": ("AsyncStore",),
    },
)
