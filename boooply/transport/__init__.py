"""The only package that touches aiohttp's client: it sends the requests of ``protocol`` and returns their responses."""

from boooply.transport.downloading import download
from boooply.transport.pool import CLOSED, Pool
from boooply.transport.sending import TIMEOUT, OnSend, Transport

__all__ = ["CLOSED", "TIMEOUT", "OnSend", "Pool", "Transport", "download"]
