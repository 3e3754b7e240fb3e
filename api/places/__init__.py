"""County > station > shop > area."""
