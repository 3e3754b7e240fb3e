"""Figures: what became of cases in a time, and how things stand now."""
