"""The one room that touches aiohttp's client: it sends what ``protocol`` made and hands back what came."""

from boooply.transport.downloading import download
from boooply.transport.pool import CLOSED, Pool
from boooply.transport.sending import TIMEOUT, OnSend, Transport

__all__ = ["CLOSED", "TIMEOUT", "OnSend", "Pool", "Transport", "download"]
