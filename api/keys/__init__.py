"""Keys with which the centre proves itself to services outside; that of evidence is with the evidence."""
