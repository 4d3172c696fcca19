"""Helpers behind the customer-journey notebooks: one module per question."""

__version__ = "0.1.0"
