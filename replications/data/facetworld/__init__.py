"""facetworld: rendered scenes whose classes have several known facets, with every pixel's labels known."""
