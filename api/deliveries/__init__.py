"""Deliveries: what is told to whom, until it has arrived."""
