"""What seeing inside is good for: designing networks, making them smaller, making them safer."""
