"""Pure rules: no files, no clock, no network, no model.

- `level`, `roadmap`, `slug`, `suggestion`: the skill matrix, its ids, and what to study next
- `note`, `note_checks`, `topic_map`, `finding`: the answer key and what can be wrong with it
- `quiz`, `attempt`, `verdict`, `wording`, `copying`, `calibration`: asking, judging, the pass rule
- `gate`, `proposal`, `change`, `ledger`: level changes and their evidence
- `chunking`, `fusion`, `citation`: retrieval
- `prompt`, `text`, `errors`: shared by all
"""
