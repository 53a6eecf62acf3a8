"""The tables and the version of their schema.

Times are in seconds since 1970 by the database's clock. A ``key`` is the name of a column in the code, if it differs
from the name in the database.
"""

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

VERSION: Final = 5

METADATA: Final = MetaData()


def _index(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows that meet a condition. A query must contain the same condition to use it."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# One row: the identity of this store.
STORE: Final = Table(
    "boooply_store",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("encryption_key_id", String, nullable=False),  # the encryption key that all writers use now
    Column("encrypted_digest_key", LargeBinary, nullable=False),  # only the right encryption key decrypts it
    Column("base_url", String, nullable=True),  # the API of its keys; None before the first mint
)

# The platform keys of this store, as digests with the digest key.
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
    Column("digest", String, nullable=False),  # with the digest key, to find the customer of a key
    Column("changed_at", Float, nullable=False),
    Index("boooply_keys_digest", "digest"),
)

LEDGER: Final = Table(
    "boooply_ledger",
    METADATA,
    Column("kind", String, primary_key=True),  # what the row is about: a customer's key, or an interview
    Column("organization_id", String, primary_key=True),
    Column("reference", String, primary_key=True),  # the program's own reference of an interview; "" for a key
    Column("state", String, nullable=False),
    Column("request", Text, nullable=False, key="tenant"),  # as JSON, so that a worker needs only the id
    Column("claim_token", String, nullable=True),  # the last claim: a run's id, a slash, a number
    Column("locked_until", Float, nullable=False),  # the end of its lease; until then no one else may claim it
    Column("meeting_code", String, nullable=True),  # of the interview, once it is known
    Column("orphans", Integer, nullable=False),  # the number of keys that may be valid although nobody has them
    Column("reason", Text, nullable=True),  # why it failed or is in doubt, for people; never a key
    Column("fallback", String, nullable=True),  # the state to return to if no replacement key is minted
    Column("changed_at", Float, nullable=False),
)
KEY_ROWS: Final = {"kind": "key", "reference": ""}
"""The values that all ledger rows about customers' keys share."""

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
    Column("queue", String, nullable=True),  # the name of its queue; None for an event of a deduplicator
    Column("number", Integer, nullable=True),  # its place in the queue; None once it is done, dead or discarded
    Column("status", String, nullable=False),
    Column("claim_token", String, nullable=True),  # the last claim
    Column("locked_until", Float, nullable=False),  # the end of its lease or pause; until then no one may claim it
    Column("attempts", Integer, nullable=False),
    Column("first_failure", Text, nullable=True),  # the class and place, never the text, which may quote the event
    Column("first_failed_at", Float, nullable=True),
    Column("last_failure", Text, nullable=True),
    Column("last_failed_at", Float, nullable=True),
    Column("dead_at", Float, nullable=True),  # the time of its last attempt
    Column("encrypted", LargeBinary, nullable=True),  # the body, until the event is handled or discarded
    Column("received_at", Float, nullable=True),
    Column("changed_at", Float, nullable=False),
    _index("boooply_events_queued", "queue", "locked_until", "number", where="number IS NOT NULL"),
    _index("boooply_events_open", "received_at", "key", where="encrypted IS NOT NULL"),
)

# One row for each interview with events to handle, and for each event to handle that names no interview.
EVENT_QUEUES: Final = Table(
    "boooply_event_queues",
    METADATA,
    Column("name", String, primary_key=True),  # a digest of the meeting code, or the key of the event
    Column("last_number", Integer, nullable=False),  # of the event that arrived last
    Column("claim_token", String, nullable=True),  # the claim on one of its events
    Column("due_at", Float, nullable=False),  # the time when the next event is due, or when the lease ends
    Column("changed_at", Float, nullable=False),
    Index("boooply_event_queues_due", "due_at"),
    Index("boooply_event_queues_changed", "changed_at"),
)
