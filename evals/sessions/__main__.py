"""`python -m evals.sessions [--chat none|local|MODEL]`: draft the recorded days and score the drafts."""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from agent.app import App
from agent.domain.errors import ModelError
from agent.ports import Chat, Prompt
from evals.sessions.cases import read_cases
from evals.sessions.report import table, totals
from evals.sessions.score import Score, score
from graphs.session.drafting import draft_session

T = TypeVar("T", bound=BaseModel)


class Remembered:
    """A chat model whose replies are kept in a file, so that a long run can be cut in pieces and scored again."""

    def __init__(self, chat: Chat, path: Path) -> None:
        self._chat, self._path = chat, path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._known: dict[str, str] = {row["key"]: row["reply"] for row in map(json.loads, lines)}

    @property
    def name(self) -> str:
        """The model's own name."""
        return self._chat.name

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """Not remembered: drafting does not use it."""
        return self._chat.structured(prompt, schema, max_tokens=max_tokens)

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """Give the remembered reply, else ask; a reply counts once it is whole."""
        asked = json.dumps([self.name, prompt.system, prompt.user, max_tokens], ensure_ascii=False)
        key = hashlib.sha256(asked.encode()).hexdigest()
        if key not in self._known:
            self._known[key] = "".join(self._chat.stream(prompt, max_tokens=max_tokens))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "reply": self._known[key]}, ensure_ascii=False) + "\n")
        yield self._known[key]


def main() -> int:
    """Run; 0 where the targets are met, 1 where not, 11 where a day could not be measured, 12 when time ran out."""
    parser = argparse.ArgumentParser(prog="python -m evals.sessions", description=__doc__)
    parser.add_argument("--chat", default="none", choices=["none", "settings"], help="settings: the model in force")
    parser.add_argument("--only", action="append", default=[], help="a day's name; may be repeated")
    parser.add_argument("--replies", type=Path, help="file that keeps the model's replies between runs")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop before a day that would begin later")
    parser.add_argument("--show", action="store_true", help="print the model's sentences, the dropped ones and faults")
    args = parser.parse_args()
    cases = [case for case in read_cases() if not args.only or case.name in args.only]
    begun, scores, unmeasured = time.monotonic(), list[Score](), list[str]()
    with App.load() as app:
        chat: Chat | None = app.chat if args.chat == "settings" else None
        if args.chat == "settings" and chat is None:
            sys.stderr.write("There is no chat model; `study model pull`, or set STUDY_CHAT.\n")
            return 3
        if chat is not None and args.replies:
            chat = Remembered(chat, args.replies)
        for case in cases:
            if time.monotonic() - begun > args.seconds:
                print(table(scores))
                return 12
            started = time.monotonic()
            try:
                draft = draft_session(chat, case.day())
            except ModelError as error:
                unmeasured.append(f"{case.name}: {error}")
                continue
            scores.append(score(case, draft))
            if args.show:
                print(f"\n## {case.name} ({time.monotonic() - started:.1f} s)")
                for statement in draft.statements:
                    if statement.by == "model":
                        print(f"kept     {statement.text}")
                for item in draft.dropped:
                    print(f"dropped  {item.text}  [{item.reason}]")
                for fault in scores[-1].faults:
                    print(f"FAULT    {fault.kind}: {fault.why}: {fault.text}")
    print(table(scores))
    for line in unmeasured:
        print(f"unmeasured: {line}")
    return 11 if unmeasured else 0 if totals(scores).met else 1


if __name__ == "__main__":
    sys.exit(main())
