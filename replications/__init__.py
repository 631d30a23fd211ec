"""Replications of the papers on seeing inside convolutional networks."""
