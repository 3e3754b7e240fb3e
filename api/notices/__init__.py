"""Notices to shops (整改告知), drafts of the formal order, and what the law that they cite has been checked for."""
