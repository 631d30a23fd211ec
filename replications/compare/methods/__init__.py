"""The methods that are compared, a family in each file."""
