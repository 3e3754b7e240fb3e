"""Other systems' programs: what they may do, their tokens (OAuth 2), how often they ask, and what they were answered."""
