"""Network Dissection (Bau et al. 2017): which concept, if any, each unit of a layer detects."""
