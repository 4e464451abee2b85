"""`load_grader`: the one door to the graders of this package."""

from agent.adapters.grading.encoder import CrossEncoderScorer
from agent.adapters.grading.endpoint import EndpointGrader
from agent.adapters.grading.lexical import LexicalScorer
from agent.adapters.grading.local import LocalGrader
from agent.adapters.grading.second import NextTokenScores, SecondOpinion
from agent.domain.calibration import Bands, Scaling
from agent.domain.errors import SetupError
from agent.ports.chat import Chat
from agent.ports.grader import Grader

KINDS = ("local", "lexical", "endpoint")


def load_grader(
    kind: str = "local",
    *,
    threads: int = 2,
    model: NextTokenScores | None = None,
    judge: Chat | None = None,
    personal: Scaling | None = None,
    bands: Bands | None = None,
    marks: bool = False,
) -> Grader:
    """The grader named `kind`; nothing heavy loads before its first use.

    Args:
        kind: `local` (the cross-encoder), `lexical` (words only, no model file) or `endpoint` (a strong chat
            model as judge, with `local` beneath it).
        threads: CPU threads of the encoder.
        model: the embedded chat model, for a second opinion on the asked claim where the local grader is not sure.
        judge: the chat endpoint of kind `endpoint`.
        personal: the learner's own correction, fitted from appeals; never given by `study eval`.
        bands: where probabilities are acted on, instead of the shipped head's bands.
        marks: calibrate to how teachers mark short answers, not to claims of notes, which learners may try to fake.

    Raises:
        SetupError: `kind` is unknown, or an endpoint is to judge and there is none.
    """
    if kind not in KINDS:
        raise SetupError(f"No grader is called {kind!r}; set STUDY_GRADER to one of {', '.join(KINDS)}.")
    second = SecondOpinion(model) if model is not None else None
    scorer = (
        LexicalScorer()
        if kind == "lexical"
        else CrossEncoderScorer(threads=threads, head="marks" if marks else "grader")
    )
    local = LocalGrader(scorer, second=second, personal=personal, bands=bands, marks=marks)
    if kind != "endpoint":
        return local
    if judge is None:
        raise SetupError("STUDY_GRADER=endpoint needs a chat endpoint to judge; set STUDY_BASE_URL or use 'local'.")
    return EndpointGrader(judge, local)
