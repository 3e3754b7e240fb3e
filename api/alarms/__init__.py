"""Alarms from boxes that shops already own."""
