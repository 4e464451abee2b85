"""Chat models and their files: the model store, the embedded server, any OpenAI-compatible endpoint."""

from agent.adapters.models.embedded import EmbeddedChat, EmbeddedServer
from agent.adapters.models.endpoint import OpenAIChat
from agent.adapters.models.manifest import Artefact, load_manifest
from agent.adapters.models.store import ModelStatus, ModelStore, Progress

__all__ = [
    "Artefact",
    "EmbeddedChat",
    "EmbeddedServer",
    "ModelStatus",
    "ModelStore",
    "OpenAIChat",
    "Progress",
    "load_manifest",
]
