"""docs/benchmarks.md from a run folder: machine and method, targets, comparisons with charts, own figures, load tests.

`results` reads the folder, `targets` holds what was to be reached, `tables` and `scenarios` write the parts,
`sections` are parts that other runs wrote by hand, each with its own date.
"""
