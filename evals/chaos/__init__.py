"""Kill the process at random moments, start it again, and look for what is lost, doubled or half done.

`python -m evals.chaos --runs 50 --seed 1`. Everything that only exists to be killed lives here, none of it in the
product.

- `world`: a small workspace, a scripted learner and a scripted judge
- `scenarios`: what a process does until it is killed, and how the next one goes on
- `process`: forked children, and the moments at which they die
- `invariants`: what must hold afterwards
- `index`, `lab`: scenarios with promises of their own
- `full_disk`: the same with no room left
"""
