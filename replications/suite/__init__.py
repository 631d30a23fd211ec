"""Runs experiments, keeps their outcomes, and compares them with what the papers report."""
