"""The operations, one method each."""
