"""Edge boxes: enrolment, configuration, heartbeats."""
