"""The terminal face: the command ``boooply``.

It needs the ``cli`` extra, so nothing outside imports it, and ``main`` says what to install where it is missing.
"""
