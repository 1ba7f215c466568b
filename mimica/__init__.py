"""Mimica: edit and animate facial expressions from one photo."""

__version__ = "0.1.0"
