"""The rate-limit windows of a sandbox, which start at multiples of their length since 1970."""

from boooply.sandbox import Sandbox


def at_the_start_of_a_window(sandbox: Sandbox, window: float = 60) -> None:
    """Advance the sandbox's clock to the next window, of ``window`` seconds, so that a test does not cross its end."""
    sandbox.clock.advance(window - sandbox.clock.timestamp() % window + 0.2)
