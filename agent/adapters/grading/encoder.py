"""The cross-encoder scorer: a small fine-tuned transformer with lexical features under one calibrated head.

Each text passes the lower half of the encoder once; the upper half reads claim and answer together. Weights,
data and limits: weights/MODEL_CARD.md. Training: lab/claim-grader.
"""

import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.adapters.grading.alignment import NAMES as ALIGNMENT
from agent.adapters.grading.alignment import Encoded, alignment
from agent.adapters.grading.blas import one_thread
from agent.adapters.grading.features import NAMES as LEXICAL
from agent.adapters.grading.head import Head
from agent.adapters.grading.lexical import lexical_rows
from agent.adapters.grading.matching import NAMES as MATCHING
from agent.adapters.grading.matching import Matchers
from agent.adapters.grading.prepare import Prepared, Window, asked_part
from agent.domain.calibration import Bands, Scaling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PARTS = (1, 2, 3)
"""Marks of the claim's, the question's and the answer's tokens."""
_CAP = 160
"""Tokens of one text, specials included; longer ones are cut."""
_CACHED = 512
COLUMNS = (*LEXICAL, *ALIGNMENT, *MATCHING, "missing", "covered", "contradicted")
_FILES = ("trunk.onnx", "upper.onnx", "matching.npz", "tokenizer.json")


class CrossEncoderScorer:
    """Scores pairs with the shipped int8 encoder. Loads at the first use: about 25 MB of weights.

    Args:
        threads: CPU threads of the encoder.
        head: which calibration: `grader` for claims of notes, `marks` for a teacher's marks.
    """

    def __init__(self, *, threads: int = 2, head: str = "grader") -> None:
        self._threads = threads
        self._name = head
        self._matcher: Matchers | None = None
        self._tokenizer: Any = None
        self._sessions: dict[str, Any] = {}
        self._loaded: Head | None = None
        self._known: dict[str, Encoded] = {}
        self._digest = ""

    @property
    def _head(self) -> Head:
        if self._loaded is None:
            self._loaded = Head.load(self._name)
        return self._loaded

    @property
    def version(self) -> str:
        """`encoder-` and a digest over the weights and the head."""
        if not self._digest:
            whole = hashlib.sha256(self._head.digest.encode())
            for name in _FILES:
                whole.update(_weights(name).read_bytes())
            self._digest = whole.hexdigest()[:12]
        return f"encoder-{self._digest}"

    @property
    def bands(self) -> Bands:
        """The head's bands."""
        return self._head.bands

    @property
    def reversal(self) -> float:
        """The head's strength of the reversal rules."""
        return self._head.reversal

    def scaling(self, *, read: bool) -> Scaling:
        """The head's scaling of p(covered)."""
        return self._head.read if read else self._head.alone

    def score(
        self, question: str, claims: Sequence[str], prepared: Prepared, pairs: Sequence[tuple[int, Window]]
    ) -> "NDArray[np.float64]":
        """(n, 3) probabilities of the pairs."""
        return self._head.probabilities(self.columns(question, claims, prepared, pairs, self._head.features))

    def columns(
        self,
        question: str,
        claims: Sequence[str],
        prepared: Prepared,
        pairs: Sequence[tuple[int, Window]],
        names: Sequence[str] = COLUMNS,
    ) -> "NDArray[np.float64]":
        """The values of `names`, of `COLUMNS`, for each pair."""
        import numpy as np

        # Only the first claim is what the question asks for; for others it would be a wrong context.
        context = asked_part(question)
        logits = self.logits([(claims[i], context if i == 0 else "", window.text) for i, window in pairs])
        logits = logits - logits.mean(axis=1, keepdims=True)
        words = [name for name in names if name in LEXICAL]
        lexical = np.asarray(lexical_rows(question, claims, prepared, pairs, words), dtype=np.float64)
        matched = np.asarray(self.matches(question, [(claims[i], window.text) for i, window in pairs]))
        made = [*words, *ALIGNMENT, *MATCHING, "missing", "covered", "contradicted"]
        whole = np.concatenate([lexical.reshape(len(pairs), len(words)), matched, logits], axis=1)
        return whole[:, [made.index(name) for name in names]]

    def matches(self, question: str, pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
        """Alignment features and the matcher's logits of (claim, answer) texts under the question."""
        if self._matcher is None:
            one_thread()
            self._matcher = Matchers.load(_weights("matching.npz"))
        known = self._encode([question, *[text for pair in pairs for text in pair]])
        asked = known[question].ids[1:-1]
        inner = {text: (known[text].ids[1:-1], known[text].states[1:-1]) for pair in pairs for text in pair}
        return [
            [
                *alignment(known[question], known[claim], known[answer]),
                *self._matcher(asked, inner[claim], inner[answer]),
            ]
            for claim, answer in pairs
        ]

    def logits(self, triples: Sequence[tuple[str, str, str]]) -> "NDArray[np.float64]":
        """(n, 3) logits of (claim, question, answer) texts; an empty question is left out.

        One triple a run: the 8-bit activations take their scale from the whole batch, so a row would otherwise
        depend on its neighbours. Without padding this costs nothing.
        """
        import numpy as np

        upper = self._session("upper.onnx")
        known = self._encode([text for triple in triples for text in triple if text])
        out = np.zeros((len(triples), 3))
        for row, triple in enumerate(triples):
            held = [(part, known[text].states) for part, text in zip(_PARTS, triple, strict=True) if text]
            parts = np.concatenate([np.full(len(states), part, np.int64) for part, states in held])
            x = np.concatenate([states for _, states in held])
            out[row] = upper.run(None, {"x": x[None], "parts": parts[None]})[0][0]
        return out

    def _encode(self, texts: Sequence[str]) -> dict[str, Encoded]:
        """Trunk states of each text; those of recent texts are kept, since claims come back every turn."""
        import numpy as np

        tokenizer, trunk = self._tokens(), self._session("trunk.onnx")
        if len(self._known) > _CACHED:
            self._known.clear()
        for text in dict.fromkeys(t for t in texts if t not in self._known):
            ids = [101, *tokenizer.encode(text, add_special_tokens=False).ids[: _CAP - 2], 102]
            x = np.array([ids], np.int64)
            self._known[text] = Encoded(x[0], trunk.run(None, {"ids": x})[0][0])
        return self._known

    def _tokens(self) -> Any:
        if self._tokenizer is None:
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(_weights("tokenizer.json")))
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
        return self._tokenizer

    def _session(self, name: str) -> Any:
        if name not in self._sessions:
            import onnxruntime as ort

            options = ort.SessionOptions()
            options.intra_op_num_threads = self._threads
            options.inter_op_num_threads = 1
            # Threads that spin while they wait lose most of their speed on a busy machine.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            # Without VNNI the fast 8-bit products overflow: other probabilities than on a newer processor.
            options.add_session_config_entry("session.x64quantprecision", "1")
            options.log_severity_level = 3
            self._sessions[name] = ort.InferenceSession(
                str(_weights(name)), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[name]


def _weights(name: str) -> Path:
    return Path(str(resources.files("agent.adapters.grading").joinpath(f"weights/{name}")))
