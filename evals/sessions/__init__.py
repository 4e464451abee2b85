"""How well a day's session is drafted: `python -m evals.sessions` over the days in `evals/cases/sessions/*.json`."""
