"""District > shop > area."""
