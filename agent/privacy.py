"""What keeps the libraries that we load from reporting to their makers, unless the user turned it on."""

import os

# Each is read when its library is first imported.
OFF = {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    # onnxruntime 1.29 and later sends events to Microsoft a second after its import, on Linux and macOS too.
    "ORT_DISABLE_TELEMETRY": "1",
    "RAGAS_DO_NOT_TRACK": "true",
}


def no_telemetry() -> None:
    """Set the variables that are not set; call it before any of these libraries is imported."""
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
