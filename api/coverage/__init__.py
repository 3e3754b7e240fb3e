"""Who takes part: from the shop that is entered here to the one whose kitchen can be seen, and what keeps the others out."""
