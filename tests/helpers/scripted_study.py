"""`python -m tests.helpers.scripted_study …` is `study …` with the scripted grader and the guard on sockets."""

from agent.app import App
from agent.cli import main
from tests.helpers.network import Guard
from tests.helpers.scripted import ScriptedGrader

if __name__ == "__main__":
    Guard()
    App.grader = ScriptedGrader()  # type: ignore[assignment]  # the port's one wiring, for this process
    main()
