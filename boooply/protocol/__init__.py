"""Requests, and the results of their responses: no I/O, no clock, no randomness."""
