"""Cameras that somebody tries before they are added: the shop's own edge opens them, and tells what it saw."""
