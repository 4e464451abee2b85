"""The wiring: what runs behind each port under the settings in force. Everything is built when first used."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.domain.errors import SetupError
from agent.privacy import no_telemetry
from agent.settings import Settings, load_settings
from agent.workspace.workspace import Workspace

if TYPE_CHECKING:
    from agent.adapters.checkpoints import Threads
    from agent.adapters.models import EmbeddedChat, EmbeddedServer, ModelStore, OpenAIChat
    from agent.adapters.retrieval import Embedder, NoteIndex
    from agent.domain.personal import Corrections
    from agent.domain.quiz import Policy
    from agent.ports import Grader, LabRunner
    from agent.workspace.promotions import PromotionStore

CHAT_MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"
EMBEDDER, TOKENIZER = "all-minilm-l6-v2-int8", "all-minilm-l6-v2-tokenizer"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the time in UTC."""
        return datetime.now(UTC)


class App:
    """One workspace with everything wired. Close it, or use it as a context manager, to stop the embedded model."""

    def __init__(self, settings: Settings) -> None:
        no_telemetry()
        self.settings = settings
        self.clock = SystemClock()
        self.workspace = Workspace(settings.root)

    @classmethod
    def load(cls, root: Path | None = None) -> "App":
        """Wire the workspace that the settings name.

        Raises:
            SetupError: no workspace is found.
            UsageError: a setting is unknown or not valid.
        """
        return cls(load_settings(root=root))

    @classmethod
    def load_anywhere(cls) -> "App":
        """Wire for commands that need no workspace, `study model` for one: the working directory stands for it."""
        try:
            return cls(load_settings())
        except SetupError:
            return cls(load_settings(root=Path.cwd()))

    def __enter__(self) -> "App":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs in the background."""
        chat = self.__dict__.get("chat")
        if chat is not None:
            chat.close()
        server = self.__dict__.get("embedded_server")
        if server is not None:
            server.stop()

    @cached_property
    def policy(self) -> "Policy":
        """The thresholds of the quiz."""
        from agent.domain.quiz import Policy

        return Policy(max_turns=self.settings.max_turns)

    @cached_property
    def promotions(self) -> "PromotionStore":
        """Proposals and decisions of the workspace."""
        from agent.workspace.promotions import PromotionStore

        return PromotionStore(self.workspace, self.policy, self.clock.now)

    @cached_property
    def models(self) -> "ModelStore":
        """The model store in the user's cache folder."""
        from agent.adapters.models import ModelStore

        return ModelStore(self.settings.cache, [self.settings.models] if self.settings.models else [])

    @cached_property
    def embedded_server(self) -> "EmbeddedServer | None":
        """The embedded model, not started; None where it is not chosen or not here."""
        from importlib.util import find_spec

        if self.settings.chat != "local" or not self.models.installed(CHAT_MODEL) or find_spec("xllamacpp") is None:
            return None
        from agent.adapters.models import EmbeddedServer

        return EmbeddedServer(self.models.path(CHAT_MODEL), name=CHAT_MODEL, threads=self.settings.threads)

    @cached_property
    def chat(self) -> "EmbeddedChat | OpenAIChat | None":
        """The chat role, None where there is none: every feature then says what it does without."""
        from agent.adapters.models import EmbeddedChat, OpenAIChat

        settings = self.settings
        if settings.chat == "none":
            return None
        if settings.chat == "local":
            return EmbeddedChat(self.embedded_server) if self.embedded_server is not None else None
        return OpenAIChat(
            self.endpoint_for(settings.chat),
            api_key=settings.api_key.get_secret_value() if settings.api_key else "none",
            model=settings.chat,
            timeout=settings.timeout,
        )

    def endpoint_for(self, model: str) -> str:
        """Give the endpoint's address.

        Raises:
            SetupError: a model is named and no address is set.
        """
        if self.settings.base_url is None:
            raise SetupError(
                f"The settings name the model {model!r}, but no endpoint is set; set STUDY_BASE_URL "
                "(or OPENAI_BASE_URL), or use local or none."
            )
        return self.settings.base_url

    @property
    def chat_gap(self) -> str:
        """One sentence on why there is no chat model, "" where there is one or none is wanted."""
        from importlib.util import find_spec

        if self.settings.chat != "local" or self.chat is not None:
            return ""
        if find_spec("xllamacpp") is None:
            return "The extra `local` is not installed, so the quiz uses authored questions only."
        return "The embedded model is not here yet (`study model pull`), so the quiz uses authored questions only."

    @cached_property
    def grader(self) -> "Grader":
        """The grader that the settings choose."""
        from agent.adapters.grading import load_grader
        from agent.domain.quiz import QUIZ_BANDS

        return load_grader(
            self.settings.grader,
            threads=self.settings.threads,
            model=self.embedded_server,
            judge=self.chat if self.settings.grader == "endpoint" else None,
            personal=self.corrections.fitted() if self.settings.personal else None,
            bands=None if self.settings.grader == "lexical" else QUIZ_BANDS,
        )

    def expect(self, question: str, claim: str) -> None:
        """Begin to read what a second opinion on the next answer begins with, while the learner types."""
        if self.embedded_server is not None:
            from agent.adapters.grading.second import opening

            self.embedded_server.warm(opening(question, claim))

    @property
    def corrections(self) -> "Corrections":
        """What the learner's approved appeals say about the grader; in force with the setting `personal` only."""
        from agent.adapters.grading import load_grader
        from agent.domain.personal import corrections

        scorer = load_grader("lexical" if self.settings.grader == "lexical" else "local").version.split("+")[0]
        return corrections(self.workspace.attempts.readable()[0], self.workspace.ledger.readable()[0], scorer)

    @cached_property
    def embedder(self) -> "Embedder | None":
        """The embedder, None where the settings want none or its files are not here: search is by words then.

        Raises:
            SetupError: a model name is set and no endpoint.
        """
        from agent.adapters.retrieval import EndpointEmbedder, MiniLmEmbedder

        settings = self.settings
        if settings.embedder == "none":
            return None
        if settings.embedder != "local":
            key = settings.api_key.get_secret_value() if settings.api_key else "none"
            return EndpointEmbedder(self.endpoint_for(settings.embedder), settings.embedder, api_key=key)
        if not (self.models.installed(EMBEDDER) and self.models.installed(TOKENIZER)):
            return None
        return MiniLmEmbedder(self.models.path(EMBEDDER), self.models.path(TOKENIZER), threads=settings.threads)

    @cached_property
    def lab_runner(self) -> "LabRunner":
        """What runs labs on this machine."""
        from agent.adapters.lab import LocalRunner
        from agent.app.lab_run import install_variables

        return LocalRunner(self.settings.cache, install_variables())

    @contextmanager
    def index(self) -> Iterator["NoteIndex"]:
        """Open the search index of the workspace."""
        from agent.adapters.retrieval import NoteIndex

        with NoteIndex(self.settings.root, self.settings.root / ".study" / "index", self.embedder) as index:
            yield index

    @property
    def versions(self) -> dict[str, str]:
        """What took part in a result; it is recorded with it."""
        from graphs.prompts import template

        return {
            "app": __version__,
            "grader": self.grader.version,
            "chat": self.chat.name if self.chat is not None else "none",
            "policy": f"unasked={self.policy.unasked} voiced={self.policy.voiced} turns={self.policy.max_turns}",
            "reword": template("quiz/reword").id,
            "hint": template("quiz/hint").id,
        }

    @contextmanager
    def threads(self) -> Iterator["Threads"]:
        """Open the graph threads of the workspace."""
        from agent.adapters.checkpoints import open_threads

        with open_threads(self.settings.root) as threads:
            yield threads
