"""What the survey of Qin et al. (2018) gathers: dissection, inversion, deconvnet, activation maximization, and uses."""
