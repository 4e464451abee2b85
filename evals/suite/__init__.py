"""The regression suite for our own prompts and components; `evals/README.md` says how to use and extend it.

`contract` names the parts (case, subject, scorer, invariant); `subjects/` has one module for each thing under test.
"""
