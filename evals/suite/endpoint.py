"""A seeded stochastic model of our own behind an OpenAI-compatible endpoint, to test the suite itself with.

    python -m evals.suite.endpoint --port 8099 [--subject answering …] [--skill 0.8] [--fails 0.05]

It knows each case's perfect and flawed reply and gives the perfect one with a chance that we set: per case, lowered by
`loss` while the prompt lacks one of its rules. The same request with the same seed gets the same reply, so a run can be
killed and resumed; another seed is another draw. It judges nothing and knows no language.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evals.suite.contract import Case, Subject
from evals.suite.transport import Body, Infrastructure, Reply

_SPREAD = 0.15


@dataclass(frozen=True, slots=True)
class Asked:
    """A case that was recognised in a prompt, with its two replies."""

    case: str
    good: str
    bad: str


Recognise = Callable[[str, str], Asked | None]
"""(system, user) → the case; None where no case is meant."""


@dataclass(slots=True)
class StochasticModel:
    """Implements `Transport` in this process; `serve` puts it behind a socket.

    Args:
        recognise: finds the case in a prompt.
        skill: mean chance of a perfect reply; cases differ around it, each always in the same way.
        rules: texts that a prompt must hold; while one is missing, the mean chance is lower by its number.
        fails: share of the requests that fail. `lasting`: the same ones at every try; else each try by itself.
        seed: another model with other difficult cases.
        greedy: whether temperature 0 gives the same reply to every seed, as a repeatable endpoint does.
        processor: what it says to run on; "" says nothing.
    """

    recognise: Recognise
    skill: float = 0.8
    rules: Mapping[str, float] = field(default_factory=dict)
    fails: float = 0.0
    lasting: bool = True
    seed: int = 0
    greedy: bool = False
    name: str = "stochastic"
    processor: str = ""
    tries: int = 0

    @property
    def identity(self) -> Mapping[str, str]:
        """One model, one build."""
        named = {"processor": self.processor} if self.processor else {}
        return {"model": f"{self.name}-{self.seed}", "runtime": "stochastic", **named}

    def post(self, body: Body) -> Reply:
        """See `Transport`."""
        self.tries += 1
        system, user = (
            next((m["content"] for m in body["messages"] if m["role"] == role), "") for role in ("system", "user")
        )
        if self.fails and self._chance("fails", user, "" if self.lasting else str(self.tries)) < self.fails:
            raise Infrastructure("The endpoint answered 500: 'scripted failure'.")
        asked = self.recognise(system, user)
        if asked is None:
            return Reply("I do not know this.", tokens_in=len(user) // 4, tokens_out=6)
        fixed = self.greedy and not body.get("temperature")
        draw = self._chance(system, user, "" if fixed else str(body.get("seed")))
        text = asked.good if draw < self.chance(asked.case, f"{system}\n{user}") else asked.bad
        return Reply(text, tokens_in=(len(system) + len(user)) // 4, tokens_out=len(text) // 4 + 1)

    def chance(self, case: str, prompt: str) -> float:
        """The chance of a perfect reply to a case under a prompt."""
        own = self.skill + _SPREAD * (2 * self._chance("skill", case) - 1)
        loss = sum(loss for rule, loss in self.rules.items() if rule not in prompt)
        return min(1.0, max(0.0, own * (1 - loss / self.skill)))

    def _chance(self, *parts: str) -> float:
        text = "\0".join((str(self.seed), *parts))
        return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64


def recogniser(subjects: Sequence[Subject]) -> Recognise:
    """Know the subjects' cases by their markers; the longest marker wins where one holds another."""
    known: list[tuple[str, Subject, Case]] = sorted(
        ((case.marker, subject, case) for subject in subjects for case in subject.cases() if case.marker),
        key=lambda entry: -len(entry[0]),
    )

    def recognise(system: str, user: str) -> Asked | None:
        for marker, subject, case in known:
            if marker in user:
                return Asked(case.id, *subject.imitate(case, user))
        return None

    return recognise


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet a reply; two would wait for each other's acknowledgement
    server: "Served"

    def do_POST(self) -> None:
        """Answer one chat completion."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        try:
            reply = self.server.model.post(body)
        except Infrastructure as error:
            return self._send(500, {"error": {"message": str(error)}})
        message = {"role": "assistant", "content": reply.text}
        usage = {"prompt_tokens": reply.tokens_in, "completion_tokens": reply.tokens_out}
        return self._send(200, {"choices": [{"message": message, "finish_reason": reply.finish}], "usage": usage})

    def _send(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Served(ThreadingHTTPServer):
    """The model on loopback; `with Served(model) as endpoint: endpoint.base_url`."""

    daemon_threads = True

    def __init__(self, model: StochasticModel, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.model = model

    @property
    def base_url(self) -> str:
        """What `STUDY_BASE_URL` takes."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


def main() -> None:
    """Serve until stopped."""
    from evals.suite.subjects import SUBJECTS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--subject", action="append", choices=tuple(SUBJECTS), help="know these subjects' cases")
    parser.add_argument("--skill", type=float, default=0.8, help="mean chance of a perfect reply")
    parser.add_argument("--fails", type=float, default=0.0, help="share of requests that fail")
    parser.add_argument("--passing", action="store_true", help="each try fails by itself, so that a retry may succeed")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    subjects = [SUBJECTS[name]() for name in given.subject or SUBJECTS]
    model = StochasticModel(
        recogniser([subject for subject in subjects if subject.uses_chat]),
        skill=given.skill, fails=given.fails, lasting=not given.passing, seed=given.seed,
    )  # fmt: skip
    with Served(model, given.port) as endpoint:
        print(endpoint.base_url, flush=True)
        endpoint.serve_forever()


if __name__ == "__main__":
    main()
