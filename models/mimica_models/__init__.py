"""Weights of Mimica's engine stylegan, as files in this folder; `mimica` looks for them here. There is no code."""
