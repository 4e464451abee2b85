"""How a quiz looks at a terminal and on a pipe."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent.domain.errors import StudyError
from agent.domain.event import counted
from agent.domain.note import Note
from agent.domain.text import one_line
from agent.workspace.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console

Event = Mapping[str, Any]
_LEAD = {
    "follow_up": "Once more, from another side: ",
    "own_words": "In your own words: ",
    "probe": "",
    "ask": "",
}
_MARK = {
    "covered": ("✓", "green"),
    "appealed": ("✓ on appeal", "yellow"),
    "corrected": ("✓ corrected", "green"),
    "helped": ("… with help", "yellow"),
    "missing": ("✗ not yet", "red"),
    "contradicted": ("✗ contradicted", "red"),
    "voiced": ("✗ misconception", "red"),
}


class QuizScreen:
    """Prints events as they come. All text of notes, answers and models is printed neutralised, never as markup."""

    def __init__(self, out: "Console", workspace: Workspace) -> None:
        self._out, self._workspace = out, workspace
        self._note: Note | None = None
        self._begun = False

    def show(self, event: Event) -> None:
        """Print one event."""
        name = str(event["event"])
        handler = {
            "question": self._question,
            "judged": self._judged,
            "notice": self._notice,
            "result": self._result,
        }.get(name)
        if handler is not None:
            handler(event)

    def _question(self, event: Event) -> None:
        if not self._begun:
            self._begun = True
            self._out.print(
                "Answer in your own words. /hint, /skip, /explain, /appeal WHY, /note, /quit; Ctrl-C pauses.",
                style="dim",
            )
        self._out.print()
        self._out.print(f"{event['n']}. {_LEAD.get(event['kind'], '')}{event['text']}", style="bold")

    def _notice(self, event: Event) -> None:
        self._out.print(event["text"], style="yellow")

    def _judged(self, event: Event) -> None:
        if event["copied"]:
            return  # the notice says it
        for item in event["misconceptions"]:
            self._misconception(item)
        for verdict in event["verdicts"]:
            asked = verdict["claim"] == event["claim"]
            if verdict["kind"] == "misconception" or verdict["claim"].endswith(".correction"):
                continue
            if verdict["claim"] in event["covered"]:
                quote = f" “{one_line(verdict['quote'], 160)}”" if verdict["quote"] else ""
                self._out.print(f"  ✓ {verdict['claim']}{quote}", style="green")
            elif asked and (verdict["abstain"] or verdict["verdict"] == "covered"):
                self._out.print("  ? I am not sure that this says it.", style="yellow")
            elif asked and verdict["verdict"] == "contradicted":
                quote = f": “{one_line(verdict['quote'], 160)}”" if verdict["quote"] else ""
                self._out.print(f"  ✗ Something here does not fit{quote}.", style="red")
            elif asked:
                self._out.print("  ✗ The point of the question is not in there yet.", style="red")

    def _misconception(self, item: Mapping[str, Any]) -> None:
        """Say whether a false statement is set right; what holds instead is the learner's to say."""
        if item["set_right"]:
            quote = f" “{one_line(item['quote'], 160)}”" if item["quote"] else ""
            self._out.print(f"  ✓ {item['claim']} set right{quote}", style="green")
        elif item["again"]:
            self._out.print("  ? I am not sure that this sets it right; it is put again.", style="yellow")
        else:
            self._out.print("  ? It is left standing; where to read about it comes at the end.", style="yellow")

    def _result(self, event: Event) -> None:
        if event["state"] == "paused":
            self._out.print(f"\nPaused; `study resume {event['thread'][:8]}` goes on at the same question.")
            return
        note = self._read_note(event["topic"])
        self._out.print()
        if event["passed"] and event.get("scope"):
            self._out.print("Still there: explained again, in your words.", style="bold green")
        elif event["passed"]:
            right = sum(v["verdict"] == "corrected" for v in event["verdicts"])
            false = f"; {counted(right, 'misconception')} set right" if right else ""
            self._out.print(
                f"You can explain this topic: every core claim, a boundary and a term, in your words{false}.",
                style="bold green",
            )
        else:
            self._out.print("Not there yet.", style="bold yellow")
            for reason in event["reasons"]:
                self._out.print(f"  {one_line(reason)}")
        self._out.print()
        for verdict in event["verdicts"]:
            if verdict["verdict"] != "open":
                self._verdict(verdict, note)
        self._out.print()
        kept = _carried(event["verdicts"])
        if not event["passed"] and kept and not event.get("scope"):
            self._out.print(f"Counts for 14 days: {kept}; a new quiz asks for the rest.")
        if event["session"]:
            self._out.print(f"Session draft: {event['session']}")
        if event["proposal"]:
            what = "A change of status" if event.get("scope") else "A promotion"
            self._out.print(f"{what} is proposed; decide on it with `study review`.", style="bold")

    def _verdict(self, verdict: Mapping[str, Any], note: Note | None) -> None:
        mark, style = _MARK.get(verdict["verdict"], ("·", "dim"))
        kind = "" if verdict["kind"] == "core" else f" ({verdict['kind']})"
        carried = "" if verdict["origin"] == "quiz" else ", carried over"
        self._out.print(f"{mark}{carried} {self._text(note, verdict['claim'])}{kind}", style=style)
        if verdict["verdict"] in ("covered", "corrected") and verdict["quote"]:
            self._out.print(f"    you said: “{one_line(verdict['quote'], 240)}”", style="dim")
        elif verdict["verdict"] != "covered":
            path, anchor = str(verdict["note"]).split("#", 1)
            self._out.print(f"    read {path}:{verdict['line']} (#{anchor})", style="dim")

    def _text(self, note: Note | None, claim: str) -> str:
        if note is None:
            return claim
        found = note.claim(claim)
        if found is not None:
            return one_line(found.text, 240)
        misconception = note.misconception(claim)
        return f"“{one_line(misconception.statement)}”" if misconception is not None else claim

    def _read_note(self, topic: str) -> Note | None:
        try:
            return self._workspace.note(topic)
        except StudyError:
            return None  # gone since the last question; the verdicts stand without its text


def _carried(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Count what a later sitting does not ask again; what was set right after a hint is put again."""
    explained = sum(v["verdict"] == "covered" and v["kind"] == "core" for v in verdicts)
    right = sum(v["verdict"] == "corrected" and v.get("carries", False) for v in verdicts)
    parts = {"core claim": (explained, "explained"), "misconception": (right, "set right")}
    return ", ".join(f"{counted(number, noun)} {how}" for noun, (number, how) in parts.items() if number)
