"""Methods of feature visualization beside each other: the same units, as many pictures, the same measures."""
