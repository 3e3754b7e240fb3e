"""What partners and everybody may know of a shop."""
