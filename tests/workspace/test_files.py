"""Reading untrusted files, writing them whole, and the lock."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.domain.errors import BusyError, WorkspaceError
from agent.workspace.files import inside, locked, read_text, sha256_of, write_text


class TestReading:
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"ok\n\xff", r"^f\.md:2 is not valid UTF-8"),
            (b"ok\n\n\x00", r"^f\.md:3 has a NUL character"),
            (b"x" * 11, r"^f\.md has 11 bytes; at most 10 are read"),
        ],
    )
    def test_what_cannot_be_read_names_file_and_line(self, tmp_path: Path, data: bytes, message: str) -> None:
        (tmp_path / "f.md").write_bytes(data)
        with pytest.raises(WorkspaceError, match=message):
            read_text(tmp_path, "f.md", limit=10)

    def test_line_endings_and_marks_stay(self, tmp_path: Path) -> None:
        (tmp_path / "f.md").write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
        assert read_text(tmp_path, "f.md") == "\ufeffa\r\nb\rc\n"

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("gone.md", "does not exist"),
            ("folder", "is not a plain file"),
            ("f.md/x", "cannot be read"),
            ("../f.md", "leads outside"),
            ("/etc/passwd", "leads outside"),
            ("link", "leads outside"),
            ("circle", "usable path|cannot be read|outside"),
            ("a\0b", "not a usable path"),
        ],
    )
    def test_paths(self, tmp_path: Path, path: str, message: str) -> None:
        root = tmp_path / "root"
        (root / "folder").mkdir(parents=True)
        (root / "f.md").write_text("x")
        (root / "link").symlink_to(tmp_path / "outside")
        (tmp_path / "outside").write_text("secret")
        (root / "circle").symlink_to(root / "circle")
        with pytest.raises(WorkspaceError, match=message):
            read_text(root, path)

    def test_a_link_within_the_workspace_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text("x")
        (tmp_path / "b.md").symlink_to("a.md")
        assert read_text(tmp_path, "b.md") == "x"
        assert inside(tmp_path, "b.md") == (tmp_path / "a.md").resolve()

    def test_hash(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_bytes(b"\xff")
        assert sha256_of(tmp_path, "a.md") == hashlib.sha256(b"\xff").hexdigest()
        with pytest.raises(WorkspaceError, match=r"gone\.md cannot be read"):
            sha256_of(tmp_path, "gone.md")


class TestWriting:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
    def test_what_is_written_is_read(self, tmp_path: Path, text: str) -> None:
        write_text(tmp_path, "deep/er/f.md", text)
        assert read_text(tmp_path, "deep/er/f.md") == text
        assert [p.name for p in (tmp_path / "deep/er").iterdir()] == ["f.md"]

    def test_the_mode_stays_and_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text("old")
        (tmp_path / "a.md").chmod(0o640)
        (tmp_path / "b.md").symlink_to("a.md")
        write_text(tmp_path, "b.md", "new")
        assert (tmp_path / "b.md").is_symlink()
        assert (tmp_path / "a.md").read_text() == "new"
        assert (tmp_path / "a.md").stat().st_mode & 0o777 == 0o640

    def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "sessions").write_text("a file where a folder should be")
        with pytest.raises(WorkspaceError, match=r"sessions/x\.md cannot be written: .*nothing was changed"):
            write_text(tmp_path, "sessions/x.md", "new")
        (tmp_path / "folder.md").mkdir()
        with pytest.raises(WorkspaceError, match="cannot be written"):
            write_text(tmp_path, "folder.md", "new")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.md", "sessions"]

    def test_never_outside(self, tmp_path: Path) -> None:
        (tmp_path / "root").mkdir()
        with pytest.raises(WorkspaceError, match="leads outside"):
            write_text(tmp_path / "root", "../x.md", "new")
        assert not (tmp_path / "x.md").exists()

    def test_lone_surrogates_cannot_stop_a_write(self, tmp_path: Path) -> None:
        write_text(tmp_path, "f.md", "a\udcffb")
        assert read_text(tmp_path, "f.md") == "a?b"


class TestLock:
    def test_one_at_a_time_and_free_afterwards(self, tmp_path: Path) -> None:
        with locked(tmp_path, "x"):
            with pytest.raises(BusyError, match="taken"), locked(tmp_path, "x", seconds=0, busy="taken"):
                pass
            with locked(tmp_path, "y", seconds=0):
                pass
        with locked(tmp_path, "x", seconds=0):
            pass

    def test_a_dead_process_frees_it(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib, time\n"
            "from agent.workspace.files import locked\n"
            "with locked(pathlib.Path(sys.argv[1])):\n"
            "    print('held', flush=True)\n"
            "    time.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "held\n"
            with pytest.raises(BusyError, match="Another study command"), locked(tmp_path, seconds=0):
                pass
            child.kill()
            child.wait()
            with locked(tmp_path, seconds=1):
                pass

    def test_a_place_that_cannot_be_locked(self, tmp_path: Path) -> None:
        (tmp_path / ".study").write_text("a file")
        with pytest.raises(WorkspaceError, match="cannot be locked"), locked(tmp_path):
            pass
