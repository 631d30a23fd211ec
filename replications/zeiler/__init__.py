"""Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014)."""
