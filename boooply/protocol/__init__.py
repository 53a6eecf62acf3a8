"""Requests, and what their responses become: no I/O, no clock, no randomness."""
