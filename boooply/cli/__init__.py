"""The command ``boooply``.

It needs the ``cli`` extra, so no other package imports it, and ``main`` names the extra if it is missing.
"""
