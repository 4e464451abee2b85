"""The index against real files, SQLite and Chroma; the embedder is a hashing stand-in."""

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from agent.adapters.retrieval import HybridRetriever, NoteIndex
from agent.adapters.retrieval import index as index_module
from agent.adapters.retrieval.vectors import ChromaVectors, VectorsDamagedError
from agent.domain.errors import BusyError, ModelError, StudyError
from agent.ports.retriever import Filters
from tests.helpers.embedders import HashingEmbedder

REPOSITORY = Path(__file__).resolve().parents[3]


def note(title: str, *words: str) -> str:
    body = "\n\n".join(f"## About {word}\n\n" + f"The {word} matters for {title}. " * 25 for word in words)
    return f"# {title}\n\nWhat {title} is.\n\n{body}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    for name in ("tracks/01-a", "sessions", "lab/cache-demo", ".git"):
        (place / name).mkdir(parents=True)
    (place / "roadmap.md").write_text("# Roadmap\n\n| KV cache | L0 |\n|---|---|\n")
    (place / "tracks/01-a/cache.md").write_text(note("Cache", "bandwidth", "quantisation"))
    (place / "tracks/01-a/rope.md").write_text(note("Rope", "rotation", "wavelength"))
    (place / "sessions/2026-11-20-rope-ab12.md").write_text("---\ntopics: [rope]\n---\n# Day\n\nRotation understood.\n")
    (place / "lab/cache-demo/run.py").write_text("# measures bandwidth\ndef measure():\n    return 'bandwidth'\n")
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def index(root: Path, folder: Path, embedder: HashingEmbedder) -> Iterator[NoteIndex]:
    with NoteIndex(root, folder, embedder) as opened:
        yield opened


def find(index: NoteIndex, query: str, k: int = 5, filters: Filters = Filters()) -> list[tuple[str, int, int, str]]:  # noqa: B008
    retriever = HybridRetriever(index)
    found = retriever.search(query, k, filters)
    retriever.close()
    return [(p.path, p.start_line, p.end_line, p.text) for p in found]


def paths(index: NoteIndex, query: str, k: int = 5, filters: Filters = Filters()) -> list[str]:  # noqa: B008
    return [hit[0] for hit in find(index, query, k, filters)]


def contents(index: NoteIndex) -> list[tuple[str, int, int, str, str]]:
    def read(text: object) -> list[tuple[str, int, int, str, str]]:
        rows = index.text.rows(index.text.rows_all())
        return sorted((r.path, r.start_line, r.end_line, r.hash, r.body) for r in rows.values())

    return index.read(read)


# -- sync


def test_text_is_found_before_anything_is_embedded(index: NoteIndex) -> None:
    report = index.sync(embed=0)
    assert (report.embedded, report.pending) == (0, report.chunks)
    assert paths(index, "wavelength")[0] == "tracks/01-a/rope.md"


def test_passage_is_the_file_at_its_lines(index: NoteIndex, root: Path) -> None:
    index.sync()
    for path, first, last, text in find(index, "bandwidth quantisation rotation", k=20):
        lines = (root / path).read_text().split("\n")
        assert text in "\n".join(lines[first - 1 : last])


def test_unchanged_files_are_not_read_again(index: NoteIndex, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in root.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    index.sync()
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    report = index.sync()
    assert (report.changed, report.removed, report.embedded) == (0, 0, 0)


def test_edit_within_the_clock_tick_is_seen(index: NoteIndex, root: Path) -> None:
    path = root / "tracks/01-a/cache.md"
    index.sync()
    status = path.stat()
    path.write_text(path.read_text().replace("bandwidth", "latencies"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert index.sync().changed == 1
    assert "latencies" in find(index, "latencies")[0][3]


def test_only_the_changed_chunk_is_embedded(index: NoteIndex, root: Path, embedder: HashingEmbedder) -> None:
    index.sync()
    embedder.embedded.clear()
    path = root / "tracks/01-a/cache.md"
    path.write_text(path.read_text().replace("The quantisation matters", "The sparsity matters", 1))
    report = index.sync()
    assert report.embedded == len(embedder.embedded) == 1
    assert "sparsity" in embedder.embedded[0]


def test_rename_embeds_nothing(index: NoteIndex, root: Path, embedder: HashingEmbedder) -> None:
    index.sync()
    embedder.embedded.clear()
    (root / "tracks/01-a").rename(root / "tracks/02-b")
    (root / "lab/cache-demo/run.py").rename(root / "lab/cache-demo/measure.py")
    report = index.sync()
    assert (report.changed, report.removed) == (3, 3)
    assert embedder.embedded == []
    assert paths(index, "wavelength")[0] == "tracks/02-b/rope.md"


def test_deleted_file_is_gone(index: NoteIndex, root: Path) -> None:
    index.sync(vectors=True)
    (root / "tracks/01-a/rope.md").unlink()
    assert index.sync().removed == 1
    assert "tracks/01-a/rope.md" not in paths(index, "wavelength rotation", k=50)


def test_embedding_goes_on_where_it_stopped(index: NoteIndex, root: Path, embedder: HashingEmbedder) -> None:
    for n in range(60):
        (root / f"tracks/01-a/n{n}.md").write_text(note(f"Topic {n}", f"word{n}"))
    os.utime(root / "tracks/01-a/n7.md", (4_000_000_000, 4_000_000_000))
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.sync(stop)
    first = list(embedder.embedded)
    assert "Topic 7" in first[0], "newest first"
    report = index.sync()
    assert report.pending == 0
    assert len(first) + report.embedded == len(embedder.embedded) == len(set(embedder.embedded))


def test_failing_embedder_leaves_the_lexical_leg(index: NoteIndex, embedder: HashingEmbedder) -> None:
    embedder.failure = ModelError("the endpoint is down")
    with pytest.raises(ModelError):
        index.sync()
    retriever = HybridRetriever(index)
    assert retriever.search("wavelength")[0].path == "tracks/01-a/rope.md"
    assert retriever.degraded == "the endpoint is down"
    retriever.close()


def test_without_an_embedder(root: Path, folder: Path) -> None:
    with NoteIndex(root, folder, None) as index:
        report = index.sync(vectors=True)
        assert report.pending == 0
        assert paths(index, "wavelength")[0] == "tracks/01-a/rope.md"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(folders=("sessions",)), {"sessions/2026-11-20-rope-ab12.md"}),
        (
            Filters(folders=("tracks/01-a/", "roadmap.md")),
            {"tracks/01-a/cache.md", "tracks/01-a/rope.md", "roadmap.md"},
        ),
        (Filters(topics=("rope",)), {"tracks/01-a/rope.md", "sessions/2026-11-20-rope-ab12.md"}),
        (Filters(topics=("cache-demo",)), {"lab/cache-demo/run.py"}),
        (Filters(folders=("sessions",), since=date(2026, 11, 21)), set()),
        (Filters(folders=("sessions",), since=date(2026, 11, 20)), {"sessions/2026-11-20-rope-ab12.md"}),
        (Filters(folders=("track",)), set()),
    ],
)
def test_filters(index: NoteIndex, filters: Filters, expected: set[str]) -> None:
    index.sync(vectors=True)
    assert set(paths(index, "rotation bandwidth roadmap", k=50, filters=filters)) == expected


@pytest.mark.parametrize(
    "query",
    ["", "   ", '"', 'a" OR heading:b NEAR(', "NOT AND OR *", "\0", "\ud800", "?" * 5000, "the of and", "ß" * 300],
)
def test_any_query_is_taken(index: NoteIndex, query: str) -> None:
    index.sync()
    find(index, query)


def test_equal_text_is_shown_once(index: NoteIndex, root: Path) -> None:
    shutil.copy(root / "tracks/01-a/rope.md", root / "tracks/01-a/copy.md")
    index.sync(vectors=True)
    texts = [hit[3] for hit in find(index, "wavelength", k=50)]
    assert len(texts) == len(set(texts))


# -- hostile files


def test_hostile_files_are_skipped_with_a_reason(index: NoteIndex, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("# Secret\n\nunfindable\n")
    tracks = root / "tracks/01-a"
    (tracks / "zeros.md").write_bytes(b"# T\n\0binary")
    (tracks / "latin.md").write_bytes(b"# T\n\xff\xfe")
    (tracks / "line.md").write_text("# T\n" + "word " * 20_000)
    (tracks / "huge.md").write_text("# T\n" + "a line\n" * 700_000)
    (tracks / "picture.png").write_bytes(b"\x89PNG")
    (tracks / "outside.md").symlink_to(tmp_path / "secret.md")
    (tracks / "config.md").symlink_to(root / ".git/config.md")
    (root / ".git/config.md").write_text("# Secret\n\nunfindable\n")
    (tracks / "loop.md").symlink_to(tracks / "loop.md")
    (tracks / "inside.md").symlink_to(tracks / "rope.md")
    os.mkfifo(tracks / "pipe.md")
    (tracks / ".hidden.md").write_text("unfindable")
    (tracks / "date.md").write_text("# Far\n\nfarfuture\n")
    os.utime(tracks / "date.md", (300_000_000_000, 300_000_000_000))
    Path(os.fsdecode(os.fsencode(tracks) + b"/bad\xff.md")).write_text("x")
    (tracks / "bomb.md").write_text("---\nid: &a [*a, *a]\ntopics: [\n---\n# Bomb\n\nexplosive\n" + "#" * 3000)
    (tracks / "fence.md").write_text("# Fence\n\n```\nnever closed " + "x\n" * 3000)
    index.sync()
    reasons = dict(index.status().skipped)
    assert {name.rsplit("/", 1)[-1]: reason.split(" (")[0] for name, reason in reasons.items()} == {
        "zeros.md": "binary",
        "latin.md": "not UTF-8",
        "line.md": "a line of 100000 characters",
        "huge.md": "4.9 MB, over the limit of 4 MB",
        "picture.png": "not a text file by its name",
        "outside.md": "a link that leaves the workspace's visible files",
        "config.md": "a link that leaves the workspace's visible files",
        "loop.md": "cannot be read",
        "pipe.md": "not a regular file",
        "bad?.md": "a name that is not UTF-8",
    }
    assert "unfindable" not in "".join(row[4] for row in contents(index))
    assert paths(index, "explosive")[0] == "tracks/01-a/bomb.md"
    assert paths(index, "farfuture")[0] == "tracks/01-a/date.md"
    again = index.sync()
    assert (again.removed, again.skipped) == (0, len(reasons))


def test_skipped_file_that_is_mended_is_indexed(index: NoteIndex, root: Path) -> None:
    path = root / "tracks/01-a/mend.md"
    path.write_bytes(b"\0")
    index.sync()
    path.write_text("# Mended\n\nlegible\n")
    index.sync()
    assert index.status().skipped == ()
    assert paths(index, "legible")[0] == "tracks/01-a/mend.md"


# -- equal to a fresh build after anything


def _random_change(root: Path, rng: random.Random) -> None:
    tracks = root / "tracks/01-a"
    existing = sorted(tracks.glob("*.md"))
    kind = rng.choice(["edit", "edit", "edit", "new", "delete", "rename", "copy", "undo"])
    words = [f"w{rng.randrange(40)}" for _ in range(rng.randrange(1, 5))]
    if kind == "new" or not existing or len(existing) < 5:
        (tracks / f"n{rng.randrange(1000)}.md").write_text(note(f"T{rng.randrange(30)}", *words))
        return
    path = rng.choice(existing)
    if kind == "edit":
        path.write_text(
            path.read_text().replace("matters", rng.choice(["matters", "counts", "works"]), 1) + " ".join(words)
        )
    elif kind == "delete" and len(existing) > 25:
        path.unlink()
    elif kind == "rename":
        path.rename(tracks / f"r{rng.randrange(1000)}.md")
    elif kind == "copy" and len(existing) < 60:
        shutil.copy(path, tracks / f"c{rng.randrange(1000)}.md")
    elif kind == "undo":
        path.write_text(note(f"T{rng.randrange(5)}", "w1"))


@pytest.mark.timeout(600)
def test_hundreds_of_changes_equal_a_fresh_build(root: Path, tmp_path: Path) -> None:
    rng = random.Random(20261123)
    embedder = HashingEmbedder()
    with NoteIndex(root, tmp_path / "grown", embedder) as grown:
        for step in range(300):
            _random_change(root, rng)
            if step % 5 == 0 or step > 290:
                grown.sync(vectors=step > 100)
        grown.sync(vectors=True)
        with NoteIndex(root, tmp_path / "fresh", HashingEmbedder()) as fresh:
            fresh.sync(vectors=True)
            assert contents(grown) == contents(fresh)
            queries = [f"w{n} matters" for n in range(40)] + ["counts for T3", "About w5", "what T7 is"]
            for query in queries:
                assert find(grown, query, k=5) == find(fresh, query, k=5), query
            assert grown._chroma is not None
            assert grown._chroma.hashes() == {row[3] for row in contents(grown)}
    grown_bytes, fresh_bytes = (
        sum(p.stat().st_size for p in (tmp_path / name).rglob("*") if p.is_file()) for name in ("grown", "fresh")
    )
    assert grown_bytes <= 1.3 * fresh_bytes + 2_000_000, "Chroma's log holds up to a thousand recent writes"


# -- damage


def spoil(path: Path, *, keep: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[keep:] = random.Random(1).randbytes(len(data) - keep)
    path.write_bytes(data)


def _damage_text(folder: Path) -> None:
    spoil(next(folder.glob("g-*/text.sqlite")), keep=4096)


def _truncate_text(folder: Path) -> None:
    next(folder.glob("g-*/text.sqlite")).write_bytes(b"")


def _text_is_text(folder: Path) -> None:
    next(folder.glob("g-*/text.sqlite")).write_text("not a database, but long enough to look like one " * 200)


def _damage_chroma(folder: Path) -> None:
    spoil(next(folder.glob("g-*/chroma/chroma.sqlite3")), keep=100)


def _damage_segments(folder: Path) -> None:
    for path in folder.glob("g-*/chroma/*/*"):
        spoil(path)


def _delete_chroma(folder: Path) -> None:
    shutil.rmtree(next(folder.glob("g-*/chroma")))


def _damage_cache(folder: Path) -> None:
    spoil(folder / "embeddings.sqlite", keep=4096)


def _cache_is_text(folder: Path) -> None:
    (folder / "embeddings.sqlite").write_text("x" * 9000)


def _damage_current(folder: Path) -> None:
    (folder / "current").write_text("][")


def _current_points_outside(folder: Path) -> None:
    (folder / "current").write_text('{"generation": "../../etc", "format": ""}')


def _other_format(folder: Path) -> None:
    (folder / "current").write_text((folder / "current").read_text().replace("porter", "trigram"))


def _delete_stamps(folder: Path) -> None:
    for path in folder.rglob("*.clean"):
        path.unlink()


def _leave_rubbish(folder: Path) -> None:
    (folder / "g-000009").mkdir()
    (folder / "g-000009/text.sqlite").write_text("half built")


@pytest.mark.parametrize(
    "damage",
    [
        _damage_text,
        _truncate_text,
        _text_is_text,
        _damage_chroma,
        _damage_segments,
        _delete_chroma,
        _damage_cache,
        _cache_is_text,
        _damage_current,
        _current_points_outside,
        _other_format,
        _delete_stamps,
        _leave_rubbish,
    ],
)
def test_damage_is_rebuilt(root: Path, folder: Path, damage: object) -> None:
    for n in range(30):
        (root / f"tracks/01-a/n{n}.md").write_text(note(f"Topic {n}", f"word{n}", "common", "shared"))
    with NoteIndex(root, folder, HashingEmbedder()) as index:
        index.sync(vectors=True)
        before = [find(index, query) for query in ("wavelength", "word7 matters", "common Topic 3")]
        rows = contents(index)
    assert callable(damage)
    damage(folder)
    with NoteIndex(root, folder, HashingEmbedder()) as index:
        report = index.sync(vectors=True)
        assert report.pending == 0
        assert [find(index, query) for query in ("wavelength", "word7 matters", "common Topic 3")] == before
        assert contents(index) == rows
        assert index._chroma is not None
        assert index._chroma.hashes() == {row[3] for row in rows}
    assert len(list(folder.glob("g-*"))) == 1


def test_damage_while_running_is_rebuilt(root: Path, folder: Path) -> None:
    with NoteIndex(root, folder, HashingEmbedder()) as index:
        index.sync(vectors=True)
        expected = find(index, "wavelength")
        index.text._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        index.text._db.execute("PRAGMA cache_size = 0")
        _damage_text(folder)
        assert find(index, "wavelength") == expected
        assert "damaged" in index.sync().rebuilt


def test_changed_embedder_embeds_anew(root: Path, folder: Path) -> None:
    with NoteIndex(root, folder, HashingEmbedder()) as index:
        index.sync(vectors=True)
    other = HashingEmbedder("hashing-2", dims=32)
    with NoteIndex(root, folder, other) as index:
        report = index.sync(vectors=True)
        assert report.embedded == len(other.embedded) == index.text.counts()[1]
        assert "hashing-2" in report.rebuilt or "vectors of" in report.rebuilt
        assert paths(index, "wavelength")[0] == "tracks/01-a/rope.md"


def test_store_of_another_model_is_refused(tmp_path: Path) -> None:
    ChromaVectors(tmp_path / "c", "one", 8).close()
    with pytest.raises(VectorsDamagedError, match="'one' instead of 'two'"):
        ChromaVectors(tmp_path / "c", "two", 8)


# -- other processes

CHILD = """
import sys
from pathlib import Path
from agent.adapters.retrieval import NoteIndex
from tests.helpers.embedders import HashingEmbedder
index = NoteIndex(Path(sys.argv[1]), Path(sys.argv[2]), HashingEmbedder())
"""


def child(code: str, root: Path, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + textwrap.dedent(code), str(root), str(folder)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "code",
    [
        "index.sync(lambda done, of: (print('ready', flush=True), sys.stdin.read()) if done >= 32 else None)",
        "index.sync(vectors=True); print('ready', flush=True); sys.stdin.read()",
        """
        index.sync()
        for n in range(5):
            (Path(sys.argv[1]) / f"tracks/01-a/z{n}.md").write_text(f"# Late {n}")
        inner = index.text.replace
        def replace(file, chunks):
            inner(file, chunks)
            if file.path.endswith("z3.md"):
                print('ready', flush=True)
                sys.stdin.read()
        index.text.replace = replace
        index.sync()
        """,
        """
        from agent.adapters.retrieval.vectors import ChromaVectors
        inner = ChromaVectors.put
        def put(self, hashes, vectors):
            inner(self, hashes, vectors)
            print('ready', flush=True)
            sys.stdin.read()
        ChromaVectors.put = put
        index.sync(vectors=True)
        """,
    ],
    ids=["embedding", "idle", "text", "chroma"],
)
def test_killed_process_leaves_a_usable_index(root: Path, folder: Path, code: str) -> None:
    for n in range(40):
        (root / f"tracks/01-a/n{n}.md").write_text(note(f"Topic {n}", f"word{n}"))
    process = child(code, root, folder)
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    errors = process.communicate()[1]
    assert line == "ready\n", errors
    with NoteIndex(root, folder, HashingEmbedder()) as index:
        assert index.sync(vectors=True).pending == 0
        assert paths(index, "word9 matters")[0] == "tracks/01-a/n9.md"
        assert index._chroma is not None
        assert index._chroma.hashes() == {row[3] for row in contents(index)}


def test_second_process_reads_what_the_first_writes(root: Path, folder: Path) -> None:
    code = """
    index.sync(vectors=True)
    print('ready', flush=True)
    sys.stdin.readline()
    index.sync()
    print('again', flush=True)
    sys.stdin.readline()
    index.close()
    print('closed', flush=True)
    """
    process = child(code, root, folder)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        with NoteIndex(root, folder, HashingEmbedder()) as reader:
            assert paths(reader, "wavelength")[0] == "tracks/01-a/rope.md"
            retriever = HybridRetriever(reader)
            assert all(p.cosine is not None for p in retriever.search("wavelength"))
            retriever.close()
            with pytest.raises(BusyError, match="another process"):
                reader.sync()
            (root / "tracks/01-a/late.md").write_text("# Late\n\nafterthought\n")
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "again\n"
            assert paths(reader, "afterthought")[0] == "tracks/01-a/late.md"
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "closed\n"
            assert paths(reader, "afterthought")[0] == "tracks/01-a/late.md"
            assert not reader.status().writable
    finally:
        process.kill()
        process.communicate()


def test_second_process_without_an_index_yet(root: Path, folder: Path) -> None:
    with NoteIndex(root, folder, HashingEmbedder()):
        shutil.rmtree(next(folder.glob("g-*")))
        with pytest.raises(BusyError, match="try again"):
            NoteIndex(root, folder, HashingEmbedder())


def test_folder_that_cannot_be_used(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be used"):
        NoteIndex(root, tmp_path / "file" / "index", HashingEmbedder())


def test_churn_swaps_in_a_new_generation(
    index: NoteIndex, root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "CHURN_FREE", 5)
    index.sync(vectors=True)
    names = {p.name for p in folder.glob("g-*")}
    for n in range(12):
        (root / "tracks/01-a/rope.md").write_text(note("Rope", f"rotation{n}", "wavelength"))
        index.sync()
    assert {p.name for p in folder.glob("g-*")}.isdisjoint(names)
    assert len(list(folder.glob("g-*"))) == 1
    assert paths(index, "rotation11")[0] == "tracks/01-a/rope.md"
    assert index._chroma is not None
    assert index._chroma.hashes() == {row[3] for row in contents(index)}


class DownEndpoint(HashingEmbedder):
    """An endpoint whose dimensions are not known while it is down."""

    @property
    def dims(self) -> int:
        if self.failure:
            raise self.failure
        return 64

    @dims.setter
    def dims(self, _: int) -> None:
        pass


def test_endpoint_that_is_down_costs_only_the_dense_leg(root: Path, folder: Path) -> None:
    embedder = DownEndpoint.__new__(DownEndpoint)
    embedder.failure = None
    HashingEmbedder.__init__(embedder)
    embedder.failure = ModelError("the endpoint is down")
    with NoteIndex(root, folder, embedder) as index:
        assert paths(index, "wavelength")[0] == "tracks/01-a/rope.md"
        with pytest.raises(ModelError):
            index.sync()
        embedder.failure = None
        assert index.sync().pending == 0
