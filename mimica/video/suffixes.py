"""The formats of videos that are written. (Beside `writer`, so that who asks for them only does not load FFmpeg.)"""

SUFFIXES = (".mp4", ".webm", ".gif", ".webp")
