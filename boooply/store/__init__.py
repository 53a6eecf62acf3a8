"""What outlives a process: the customers' keys, encrypted, and the ledger of their minting (the extra ``store``)."""

from boooply.store.keys import KeyStore
from boooply.store.ledger import Claimed, Ledger, tenant_of
from boooply.store.states import Entry, Standing, State, same_run
from boooply.store.store import Store

__all__ = ["Claimed", "Entry", "KeyStore", "Ledger", "Standing", "State", "Store", "same_run", "tenant_of"]
