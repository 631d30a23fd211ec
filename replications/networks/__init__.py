"""Networks with layers addressed by the papers' names, and how they are loaded."""
