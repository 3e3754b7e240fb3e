"""Cases: what was seen, and what a person decided about it."""
