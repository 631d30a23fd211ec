"""Did the pictures get worse? Probes are measured anew and tested against raw values kept with the project."""
