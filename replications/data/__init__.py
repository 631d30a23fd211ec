"""Image sets: facetworld, where the truth is known, and folders of natural images."""
