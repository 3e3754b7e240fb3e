"""Users, roles and sessions; who is asking, and what they may do."""
