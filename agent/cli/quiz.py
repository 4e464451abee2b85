"""`study quiz` and `study resume`: the conversation at a terminal, on a pipe, and as JSON events."""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import TextIOWrapper
from typing import Any

from agent.app import App
from agent.app.memory import recheck_due
from agent.app.quiz import Event, QuizRun, open_quizzes, quiz_run
from agent.cli.output import console, interactive, print_json
from agent.cli.render import QuizScreen
from agent.domain.errors import UsageError
from agent.domain.memory import weakest
from agent.domain.roadmap import Topic
from agent.domain.suggestion import next_topic
from agent.domain.text import one_line

PASSED, NOT_PASSED, INTERRUPTED = 0, 1, 130
SEPARATOR = "---"
MAX_PIECE = 100_000  # characters of a line read at once, and of an answer kept: the graph cuts far below
RESULT_KEYS = ("event", "topic", "state", "passed", "verdicts", "proposal", "session")
VERDICT_KEYS = ("claim", "verdict", "p", "quote")

Read = Callable[[], str | None]


def run_quiz(query: str | None, *, new: bool, full: bool = False, json: bool) -> int:
    """Quiz a topic; a paused quiz on it goes on unless `new`. One that is due is only checked again, unless `full`."""
    with App.load() as app:
        if query is None and not new:
            with app.threads() as threads:
                paused = open_quizzes(threads)
            if paused:
                _say(f"Going on with the paused quiz on {paused[0].topic} (--new starts another one).", json=json)
                return _converse(app, None, paused[0].thread, new=False, json=json)
        topic = _topic(app, query, json=json)
        app.workspace.note(topic.id)
        if not full and recheck_due(app, topic):
            return run_recheck(app, topic, new=new, json=json)
        return _converse(app, topic, None, new=new, json=json)


def run_recheck(app: App, topic: Topic, *, new: bool = False, json: bool) -> int:
    """Check a verified topic again, by its claims that are weakest now; a paused quiz goes on first, unless `new`."""
    if not new:
        with app.threads() as threads:
            paused = next((quiz for quiz in open_quizzes(threads) if quiz.topic == topic.id), None)
        if paused is not None:
            _say(f"Going on with the paused quiz on {topic.id} (--new starts another one).", json=json)
            return _converse(app, None, paused.thread, new=False, json=json)
    note, attempts = app.workspace.note(topic.id), app.workspace.topic_attempts(topic.id)
    scope = [claim.id for claim in weakest(note, attempts, app.clock.now())]
    _say(
        f"A short re-check of {one_line(topic.text)} ({topic.level}, which stays): {len(scope)} questions. "
        f"`study quiz {topic.id} --full` asks everything.",
        json=json,
    )
    return _converse(app, topic, None, new=True, json=json, scope=scope)


def run_resume(thread: str | None, *, list_only: bool, json: bool) -> int:
    """Go on with a paused quiz."""
    with App.load() as app:
        with app.threads() as threads:
            paused = open_quizzes(threads)
        if list_only or (thread is None and not paused):
            _list(paused, json=json)
            return PASSED
        return _converse(app, None, thread or paused[0].thread, new=False, json=json)


def _list(paused: list[Any], *, json: bool) -> None:
    if json:
        for quiz in paused:
            print_json({"thread": quiz.thread, "topic": quiz.topic, "answers": quiz.answers, "started": quiz.started})
        return
    out = console()
    if not paused:
        out.print("No quiz is paused; `study quiz` starts one.")
    for quiz in paused:
        started = datetime.fromisoformat(quiz.started).astimezone() if quiz.started else None
        when = f"{started:%Y-%m-%d %H:%M}" if started else "just now"
        out.print(f"{quiz.thread[:8]}  {quiz.topic}  {quiz.answers} answers, begun {when}")


def _topic(app: App, query: str | None, *, json: bool) -> Topic:
    """Find the topic meant; at a terminal the user chooses where several match."""
    roadmap = app.workspace.roadmap()
    if query is None:
        today = app.clock.now().astimezone().date()
        chosen = next_topic(roadmap, today, lambda t: (app.settings.root / app.workspace.note_path(t)).is_file())
        if chosen is None:
            raise UsageError("Every topic that has a note is at L1 or above; name one, or see `study due`.")
        _say(f"Topic: {chosen[0].text} ({chosen[1]}).", json=json)
        return chosen[0]
    found = roadmap.find(query)
    if len(found) <= 1 or not interactive() or json:
        return app.workspace.topic(query)
    out = console()
    for number, topic in enumerate(found, 1):
        out.print(f"{number:3}  {topic.text}  ({topic.id})")
    try:
        answer = input("Which one? ").strip()
    except EOFError:
        answer = ""
    if not answer.isdigit() or not 1 <= int(answer) <= len(found):
        raise UsageError(f"{answer!r} is none of the numbers above.")
    return found[int(answer) - 1]


def _say(text: str, *, json: bool) -> None:
    """Say something beside the conversation; with --json it must not stand between the events."""
    console(stderr=json).print(text)


def _converse(
    app: App, topic: Topic | None, thread: str | None, *, new: bool, json: bool, scope: Sequence[str] = ()
) -> int:
    show: Callable[[Event], None] = _print_event
    if not json:
        show = QuizScreen(console(), app.workspace).show
        if app.chat_gap:
            console(stderr=True).print(app.chat_gap, style="dim")
    read = _terminal_reader() if interactive() and not json else _pipe_reader()
    with quiz_run(app, topic=topic.id if topic else None, thread=thread, new=new) as run:
        if app.embedded_server is not None:
            app.embedded_server.start()  # loads while the learner reads and types
        fresh = not run.state
        try:
            return _loop(run, run.begin(topic.id, scope) if fresh and topic else run.resume(), read, show)
        except KeyboardInterrupt:
            console(stderr=True).print(f"\nPaused; `study resume {run.thread[:8]}` goes on at the same question.")
            return INTERRUPTED


def _loop(run: QuizRun, events: Iterator[Event], read: Read, show: Callable[[Event], None]) -> int:
    while True:
        for event in events:
            show(event)
            if event["event"] == "result":
                return PASSED if event["passed"] else NOT_PASSED
        message = read()
        if message is None:
            show(_paused(run))
            return PASSED
        events = run.send(message)


def _print_event(event: Event) -> None:
    """Print an event for scripts; of a result exactly what is documented, so that they can rely on it."""
    if event["event"] == "result":
        verdicts = [{key: verdict[key] for key in VERDICT_KEYS} for verdict in event["verdicts"]]
        event = {key: event[key] for key in RESULT_KEYS} | {"verdicts": verdicts}
    print_json(event)


def _paused(run: QuizRun) -> Event:
    return {
        "event": "result",
        "topic": run.state["topic"],
        "state": "paused",
        "passed": False,
        "verdicts": [],
        "proposal": None,
        "session": None,
        "thread": run.thread,
    }


def _pipe_reader() -> Read:
    """Read answers from stdin, separated by lines `---`; None at the end of the input."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")

    def read() -> str | None:
        answer, begins_line = "", True
        while line := sys.stdin.readline(MAX_PIECE):
            if begins_line and line.rstrip("\r\n") == SEPARATOR:
                return answer
            begins_line = line.endswith("\n")
            answer = (answer + line)[:MAX_PIECE]
        return answer if answer.strip() else None

    return read


def _terminal_reader() -> Read:
    from agent.cli.prompt import AnswerPrompt

    return AnswerPrompt().read
