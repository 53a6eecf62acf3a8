"""The blocking flavour of the package: a thin layer over the async one."""
