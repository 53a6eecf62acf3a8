"""The version of the package. Every module may import this one, which imports nothing."""

__version__ = "0.1.0"
