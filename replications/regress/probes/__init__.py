"""Quantities that are measured again and again, one kind of them a file."""
