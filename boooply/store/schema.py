"""The tables, and the version that they have together."""

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

VERSION: Final = 2

METADATA: Final = MetaData()

# One row: which schema this is, and a sealed text that only the right encryption key opens.
STORE: Final = Table(
    "boooply_store",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("sealed_check", LargeBinary, nullable=False),
)

KEYS: Final = Table(
    "boooply_keys",
    METADATA,
    Column("organization_id", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("changed_at", Float, nullable=False),  # seconds since 1970 by the database's clock, as all times here
)

LEDGER: Final = Table(
    "boooply_ledger",
    METADATA,
    Column("organization_id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("tenant", Text, nullable=False),  # the customer as JSON, so that a worker needs the id alone
    Column("run", String, nullable=True),  # who took it last
    Column("lease_ends", Float, nullable=False),  # until when nobody else touches it
    Column("orphans", Integer, nullable=False),  # keys that may live without anybody holding them
    Column("reason", Text, nullable=True),  # why it failed or is in doubt, for people; never a key
    Column("changed_at", Float, nullable=False),
)

LIMITS: Final = Table(
    "boooply_limits",
    METADATA,
    Column("name", String, primary_key=True),  # a digest of the key, and the kind of call
    Column("state", Text, nullable=False),  # what its rate limiter remembers, as JSON
)

EVENTS: Final = Table(
    "boooply_events",
    METADATA,
    Column("key", String, primary_key=True),  # a digest of the signed body
    Column("progress", String, nullable=False),
    Column("turn", String, nullable=True),  # who took it last
    Column("rests_until", Float, nullable=False),  # until when nobody else touches it
    Column("attempts", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=True),  # the body, until it is handled: it holds what was said
    Column("changed_at", Float, nullable=False),
    Index("boooply_events_open", "progress", "rests_until"),
)
