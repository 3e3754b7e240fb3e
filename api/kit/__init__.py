"""Small tools that every noun of the centre uses."""
