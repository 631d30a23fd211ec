"""Nguyen, Clune, Bengio, Dosovitskiy & Yosinski 2017, "Plug & Play Generative Networks" (CVPR; arXiv 1612.00005 v2)."""
