"""The tables, and the version they share.

Times are in seconds since 1970 by the database's clock. A ``key`` is what the code calls a column, where that differs
from the column's own name.
"""

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

VERSION: Final = 5

METADATA: Final = MetaData()


def _index(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows for which a condition is true: a query that uses it contains the same words."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# One row: what this store is.
STORE: Final = Table(
    "boooply_store",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("encryption_key_id", String, nullable=False),  # the encryption key that all writers use now
    Column("encrypted_digest_key", LargeBinary, nullable=False),  # only the right encryption key decrypts it
    Column("base_url", String, nullable=True),  # the API that its keys are of; None while nothing was minted
)

# The platform keys that mint into this store, as digests with the digest key.
PLATFORM_KEYS: Final = Table(
    "boooply_platform_keys",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("changed_at", Float, nullable=False),
)

KEYS: Final = Table(
    "boooply_keys",
    METADATA,
    Column("organization_id", String, primary_key=True),
    Column("encrypted", LargeBinary, nullable=False),
    Column("digest", String, nullable=False),  # with the digest key: it finds the customer of a key
    Column("changed_at", Float, nullable=False),
    Index("boooply_keys_digest", "digest"),
)

LEDGER: Final = Table(
    "boooply_ledger",
    METADATA,
    Column("kind", String, primary_key=True),  # what is written once: a customer's key, or an interview
    Column("organization_id", String, primary_key=True),
    Column("reference", String, primary_key=True),  # the program's own name of the interview; "" for a key
    Column("state", String, nullable=False),
    Column("request", Text, nullable=False, key="tenant"),  # as JSON, so that a worker needs only the id
    Column("claim_token", String, nullable=True),  # the last claim: a run's id, a slash, a number
    Column("locked_until", Float, nullable=False),  # the end of its lease: until then nobody else may claim it
    Column("meeting_code", String, nullable=True),  # of the interview, once it is known
    Column("orphans", Integer, nullable=False),  # keys that may be valid although nobody has them
    Column("reason", Text, nullable=True),  # why it failed or is in doubt, for people; never a key
    Column("fallback", String, nullable=True),  # the state to return to if no key comes to replace the stored one
    Column("changed_at", Float, nullable=False),
)
KEY_ROWS: Final = {"kind": "key", "reference": ""}
"""What the ledger's rows about customers' keys have in common."""

LIMITS: Final = Table(
    "boooply_limits",
    METADATA,
    Column("name", String, primary_key=True),  # a digest of the key, and the rate-limit class
    Column("state", Text, nullable=False),  # the limiter, as JSON
)

EVENTS: Final = Table(
    "boooply_events",
    METADATA,
    Column("key", String, primary_key=True),  # a digest of the signed body
    Column("event", String, nullable=True),  # its name
    Column("organization_id", String, nullable=True),  # the customer, if the event names it
    Column("meeting_code", String, nullable=True),
    Column("queue", String, nullable=True),  # the name of its queue; None for what only a deduplicator knows
    Column("number", Integer, nullable=True),  # its place in the queue; None once it is done, dead or discarded
    Column("status", String, nullable=False),
    Column("claim_token", String, nullable=True),  # the last claim
    Column("locked_until", Float, nullable=False),  # the end of its lease or pause: until then nobody may claim it
    Column("attempts", Integer, nullable=False),
    Column("first_failure", Text, nullable=True),  # its class and place; never its text, which may quote the event
    Column("first_failed_at", Float, nullable=True),
    Column("last_failure", Text, nullable=True),
    Column("last_failed_at", Float, nullable=True),
    Column("dead_at", Float, nullable=True),  # when its last attempt failed
    Column("encrypted", LargeBinary, nullable=True),  # the body, until it is handled or discarded: it is personal
    Column("received_at", Float, nullable=True),
    Column("changed_at", Float, nullable=False),
    _index("boooply_events_queued", "queue", "locked_until", "number", where="number IS NOT NULL"),
    _index("boooply_events_open", "received_at", "key", where="encrypted IS NOT NULL"),
)

# One row for each interview with events to handle, and for each such event that names no interview.
EVENT_QUEUES: Final = Table(
    "boooply_event_queues",
    METADATA,
    Column("name", String, primary_key=True),  # a digest of the meeting code, or the key of the event
    Column("last_number", Integer, nullable=False),  # of the event that arrived last
    Column("claim_token", String, nullable=True),  # of whoever handles one of its events
    Column("due_at", Float, nullable=False),  # when the next event may be handled, or the lease ends
    Column("changed_at", Float, nullable=False),
    Index("boooply_event_queues_due", "due_at"),
    Index("boooply_event_queues_changed", "changed_at"),
)
