"""The only package that uses aiohttp's client. It sends requests of ``protocol`` and returns the responses."""

from boooply.transport.downloading import download
from boooply.transport.pool import CLOSED, Pool
from boooply.transport.sending import TIMEOUT, OnSend, Transport

__all__ = ["CLOSED", "TIMEOUT", "OnSend", "Pool", "Transport", "download"]
