"""Integrations with frameworks. Each has a module, and an extra of the same name."""
