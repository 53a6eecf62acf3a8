"""The operations of the API, one method each."""
