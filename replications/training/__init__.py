"""Training by the papers' recipes, resumable and addressed by what determines the result."""
