"""Pure functions on tensors and arrays: no paper, no configuration, no tracking in here."""
