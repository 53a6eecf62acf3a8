"""Many customers at once: from a file to a key for each."""

from boooply.provisioning.plan import BadRow, Plan, iterate_rows, read_tenants

__all__ = ["BadRow", "Plan", "iterate_rows", "read_tenants"]
