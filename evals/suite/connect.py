"""From the settings in force to the transport that the suite measures with."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from agent.app import App
from agent.app.container import CHAT_MODEL
from agent.domain.errors import ModelError, StudyError
from evals.suite.processor import processor
from evals.suite.store import digest
from evals.suite.transport import Body, HttpTransport, Infrastructure, RateLimit, Reply, Transport

EMBEDDED_SECONDS = 180.0


class InvalidMeasurement(StudyError):
    """Nothing can be measured, which is no regression."""

    exit_code = 11


class NoChat:
    """Stands where there is no chat model; only subjects that ask none can be measured."""

    name = "none"
    identity: Mapping[str, str] = {"model": "none", "runtime": "none"}

    def post(self, body: Body) -> Reply:
        """There is nobody to ask."""
        raise Infrastructure("There is no chat model; set STUDY_CHAT, or `study model pull`.", lasting=True)


def connect(app: App, *, per_minute: float = 0.0) -> Transport:
    """The chat model of the settings; the embedded one is started and loaded here.

    Raises:
        ModelError: the embedded model does not load.
        SetupError: a model is named and no address is set.
    """
    settings = app.settings
    if settings.chat == "none" or (settings.chat == "local" and app.embedded_server is None):
        return NoChat()
    if app.embedded_server is not None:
        server = app.embedded_server
        return HttpTransport(
            server.base_url,
            server.name,
            {
                "model": f"{CHAT_MODEL} {_sha256()}",
                "runtime": runtime(settings.threads),
                "processor": processor(),
            },
            api_key=server.api_key,
            timeout=EMBEDDED_SECONDS,
            # A prefix kept from another request changes the order of sums, and with it a word now and then.
            extra={"cache_prompt": False},
        )
    url = app.endpoint_for(settings.chat)
    host = urlsplit(url)
    return HttpTransport(
        url,
        settings.chat,
        {"model": settings.chat, "runtime": f"endpoint {digest([host.hostname, host.port])[:8]}"},
        api_key=settings.api_key.get_secret_value() if settings.api_key else "",
        timeout=settings.timeout,
        limit=RateLimit(per_minute),
    )


def check_answers(transport: Transport) -> None:
    """Ask for one word, to find out before an hour is spent.

    Raises:
        InvalidMeasurement: the endpoint does not answer.
    """
    ask = {"role": "user", "content": "Say yes."}
    body = {"model": transport.name, "messages": [ask], "max_tokens": 4, "temperature": 0, "stream": False}
    for last in (False, True):
        try:
            transport.post(body)
        except ModelError as error:
            if last:
                raise InvalidMeasurement(f"The chat model does not answer, so nothing was measured: {error}") from None
        else:
            return


def runtime(threads: int) -> str:
    """The build that decides rounding: llama.cpp's version, the threads, the architecture."""
    try:
        build = version("xllamacpp")
    except PackageNotFoundError:
        build = "unknown"
    return f"xllamacpp {build}, {threads} threads, {platform.machine()}"


def _sha256() -> str:
    from agent.adapters.models.manifest import load_manifest

    return next(artefact.sha256[:12] for artefact in load_manifest() if artefact.name == CHAT_MODEL)
