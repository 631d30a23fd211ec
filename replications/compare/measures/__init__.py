"""What is measured of a set of pictures of one unit, one idea a file, each measure named by a file of conf/measured.

To add one: a frozen dataclass that extends `Measure` in a module of its own, importing little, for its code counts for
every outcome that it is part of; a file NAME.yaml in conf/measured with its `_target_`, where NAME is the measure's
`name`; and a line in conf/compared/measures.yaml, or for one run `+measured@paper.measures.NAME=NAME` on the command
line. `compare.looked.Looked` is what it can ask for of a set of pictures.

Every measure is an application of `metrics/`. Which of its modules stand behind a measure, and why the others don't:

| module of metrics | here |
|---|---|
| activation | activation quantile, driving share |
| facets | facet recall and purity, the same at matched activation |
| clusters | cluster recall; `cluster_coverage` weighs rare facets less, and the question is whether all are shown |
| diversity, pairs, perceptual | diversity and Vendi score at matched activation |
| ms_ssim | 1 - MS-SSIM at matched activation |
| realism | plausibility, kernel distance. The Fréchet and Wasserstein distances fall with the number of pictures, and |
| | four give no covariance in hundreds of dimensions |
| manifold | precision, coverage; `realism` of single pictures is infinite for copies, its density follows precision |
| feature_space | the judge's features at unit length, under all of these |
| colour, spectrum | colour distance, spectrum distance |
| forced_choice | forced choice, harder forced choice |
| transferability | transfer |
| fragments | one thing a picture |
| lpips_backbone | not: its trunk isn't shipped, so numbers would hang on a download; the judge stands for it |
| inception_score | not: pictures of one unit are rewarded for being taken for different classes |
| concentration | not: where the thing stands is a matter of taste; only centre-biased methods want the middle |
| purity | not: of labels of natural images; pictures have none |
| coarse_likeness | not: compares a picture with the one image that it inverts |
| filling | not: holes in images |
| aliasing, filters, invariance, settling | not: of a network's features, filters and training, not of pictures |
| autocorrelation | not: of chains; here are sets, whatever made them |
| classification, roc | not: of many labelled images |
| correspondence, localization, map_similarity | not: of maps over a given image |
| statistics, contrasts, comparison, crossed_*, multiplicity | intervals and tests over sets, used by the leaderboard |
| bench_pairs | not a metric |
"""
