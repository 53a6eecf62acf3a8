"""Boooply in a framework: one file each, and one extra of the same name."""
