"""What clips are: sizes that networks, data and `mimica prepare clips` share. No torch here."""

FRAMES, SIDE = 16, 64
"""Frames of a clip, and pixels of its sides."""
VERSION = 1
"""Of the format on disk."""
