"""Cameras: what an edge is to watch, and whether it could."""
