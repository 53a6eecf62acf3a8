"""The operations, one method each: a row of the table, sent and parsed."""
