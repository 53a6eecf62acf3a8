"""The version, on the lowest floor: everything may read it and it reads nothing."""

__version__ = "0.1.0"
