"""`data import`, `data describe` and `data synthesize`, as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.golden import assert_is_golden
from support.joblib_set import document, write

from abr_model.cli import CLIENT
from abr_model.data.npz import open_npz
from abr_model.data.recordings import arrays_of
from abr_model.data.store import open_dataset
from abr_model.data.synthetic import make_recordings
from curriculum.cli import main

GOLDEN = Path(__file__).parent / "golden"
FORMATS = Path(__file__).parents[1] / "data" / "readers" / "golden"
PLANS = Path(__file__).parents[3] / "phases"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command; progress lines are taken out of stderr."""
    code = main(CLIENT, [str(word) for word in words])
    said = capsys.readouterr()
    lines = said.err.splitlines()
    err = "\n".join(line for line in lines if not line.startswith(("reading ", "writing ")))
    return code, said.out, err


def test_import_writes_a_data_set_and_says_what_it_left_out(capsys: Any, tmp_path: Path) -> None:
    code, out, err = run(
        capsys, "data", "import", FORMATS / "tdt.csv", FORMATS / "ABR-52-3", "set",
        "--window-ms", 10, "--subject", r"ABR-(\d+)-",
    )  # fmt: skip
    assert (code, out) == (0, "wrote set: 7 recordings of 3 subjects, 10 ms each\n")
    assert err == "warning: ABR-52-3, 50 dB was left out: all its values are 0"
    found = open_dataset(tmp_path / "set", verify=True)
    assert found.subject_names == ("52", "E1", "E2")
    assert [name for name, _ in found.sources] == ["tdt.csv", "ABR-52-3"]
    assert found.notices == ("ABR-52-3, 50 dB was left out: all its values are 0",)


def test_import_replaces_a_data_set_only_when_told(capsys: Any) -> None:
    words = ("data", "import", FORMATS / "tdt.csv", "set", "--window-ms", 10)
    assert run(capsys, *words)[0] == 0
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert err == (
        "error: set: there must be nothing yet. Found a data set. Give another name, or replace it "
        "with `--force`."
    )
    assert run(capsys, *words, "--force")[0] == 0


def test_import_to_one_file_and_from_a_data_set(capsys: Any, tmp_path: Path) -> None:
    assert run(capsys, "data", "import", FORMATS / "biosig.txt", "a.npz", "--window-ms", 10)[0] == 0
    assert run(capsys, "data", "import", "a.npz", "set", "--window-ms", 10)[0] == 0
    one, other = open_npz(tmp_path / "a.npz"), open_dataset(tmp_path / "set")
    assert one.content == other.content
    assert run(capsys, "data", "import", "set", "a.npz", "--window-ms", 10)[0] == 2


def test_import_takes_a_table_with_its_mapping(capsys: Any) -> None:
    mapping = ("--mapping", FORMATS / "table.yaml")
    code, out, _ = run(
        capsys,
        "data",
        "import",
        FORMATS / "table.csv",
        "set",
        *mapping,
        "--window-ms",
        10,
        "--json",
    )
    assert code == 0
    found = json.loads(out)
    assert found["path"] == "set"
    assert found["classes"]["sensorineural"] == {"recordings": 1, "subjects": 1}
    assert found["known"]["wave_V_latency_ms"] == 2


WRONG: dict[str, list[Any]] = {
    "nothing to import": ["import"],
    "no such source": ["import", "here", "set"],
    "no such unit": ["import", FORMATS, "set", "--unit", "volt"],
    "no such format": ["import", FORMATS, "set", "--format", "arf"],
    "no subjects": ["synthesize", "set", "--subjects", "0"],
    "too long a window": ["synthesize", "set", "--window-ms", "30"],
    "nothing to describe": ["describe", "here"],
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(capsys: Any, case: str) -> None:
    code, out, err = run(capsys, "data", *WRONG[case])
    assert (code, out) == (2, "")
    assert_is_golden(GOLDEN, "wrong", case, err)


def test_describe_shows_counts_ranges_and_grand_averages(capsys: Any) -> None:
    mapping = ("--mapping", FORMATS / "table.yaml", "--window-ms", 10)
    for name, options in (("tdt.csv", ("--window-ms", 10)), ("table.csv", mapping)):
        run(capsys, "data", "import", FORMATS / name, "set", *options, "--force")
        code, out, err = run(capsys, "data", "describe", "set")
        assert (code, err) == (0, "")
        assert_is_golden(GOLDEN, "described", name, out)


def test_describe_of_z_scored_files_says_so(capsys: Any) -> None:
    write(Path("set.pkl"), document(60))
    code, out, err = run(capsys, "data", "describe", "set.pkl", "--window-ms", 10)
    assert code == 0
    assert out.startswith(
        "set.pkl: 120 recordings of 60 subjects, 10 ms each, in standard deviations of each"
    )
    assert "σ\n" in out
    assert "warning: set.pkl: recordings are z-scored" in err


def test_describe_writes_a_picture(capsys: Any, tmp_path: Path) -> None:
    from matplotlib.image import imread

    run(capsys, "data", "import", FORMATS / "tdt.csv", "set", "--window-ms", 10)
    assert run(capsys, "data", "describe", "set", "--picture", "a.png")[0] == 0
    picture = imread(tmp_path / "a.png")
    assert picture.shape[0] > 300
    assert 0.005 < (picture[..., :3].mean(axis=2) < 0.5).mean() < 0.2, "ink on paper"
    code, _, err = run(capsys, "data", "describe", "set", "--picture", "a.nothing")
    assert code == 2
    assert "the picture must be a file that can be written, such as `.png` or `.svg`" in err
    assert "matplotlib.pyplot" not in sys.modules


def test_describe_verifies_a_data_set(capsys: Any, tmp_path: Path) -> None:
    run(capsys, "data", "import", FORMATS / "tdt.csv", "set", "--window-ms", 10)
    path = tmp_path / "set" / "recording_uv.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    code, out, err = run(capsys, "data", "describe", "set")
    assert (code, out) == (2, "")
    assert err == (
        "error: set/recording_uv.npy: `recording_uv` must have the sha256 of the manifest. Found "
        "other bytes. It may be damaged or edited; import the data again."
    )


def test_describe_of_a_plan_shows_its_splits(capsys: Any, tmp_path: Path) -> None:
    run(capsys, "data", "synthesize", "set", "--subjects", 100, "--seed", 9, "--window-ms", 10)
    for text, names in (
        ("{kind: synthetic, subjects: 60, recordings_per_subject: 1}", ["synthetic"]),
        ("{kind: recordings, path: set, window_ms: 10}", ["set"]),
        ("{kind: mixed, synthetic: {subjects: 60, window_ms: 10}, recordings: {path: set}}",
         ["synthetic", "set"]),
    ):  # fmt: skip
        plan = (PLANS / "smoke.yaml").read_text()
        kept = [line for line in plan.splitlines() if not line.startswith("data:")]
        Path("plan.yaml").write_text("\n".join([*kept[:3], f"data: {text}", *kept[3:]]) + "\n")
        code, out, err = run(capsys, "data", "describe", "plan.yaml", "--json")
        assert code == 0, err
        found = json.loads(out)["data"]
        assert [Path(each["data"]).name for each in found] == names
        for each in found:
            splits = each["splits"]
            assert sum(s["recordings"] for s in splits.values()) == each["recordings"]
    assert run(capsys, "data", "describe", "plan.yaml")[0] == 0


def test_synthesize_writes_what_a_plan_would_make(capsys: Any, tmp_path: Path) -> None:
    words = ("--subjects", 70, "--recordings-per-subject", 3, "--seed", 4, "--window-ms", 10)
    code, out, err = run(capsys, "data", "synthesize", "set", *words)
    assert (code, err) == (0, "")
    assert out == "wrote set: 210 recordings of 70 subjects, 10 ms each\n"
    found = open_dataset(tmp_path / "set", verify=True)
    made = make_recordings(70, 3, 10.0, seed=4)
    order = np.lexsort((np.arange(210), found.recordings.subject))
    for name, array in arrays_of(made).items():
        np.testing.assert_array_equal(arrays_of(found.recordings)[name][order], array, err_msg=name)
    assert found.subject_names[69] == "synthetic-4-69"
    code, out, _ = run(capsys, "data", "synthesize", "set", *words, "--json", "--force")
    assert json.loads(out) == {"path": "set", "recordings": 210, "subjects": 70, "window_ms": 10.0}


@pytest.mark.slow
def test_the_joblib_plan_runs_on_a_joblib_set(capsys: Any) -> None:
    write(Path("set.pkl"), document(300))
    code, out, err = run(
        capsys,
        "run",
        PLANS / "joblib.yaml",
        "--set",
        "data.path=set.pkl",
        "--fast-dev-run",
        "--json",
    )
    assert code == 0, err
    phases = json.loads(out)["phases"]
    assert [phase["name"] for phase in phases] == ["peaks", "classification", "threshold"]
    assert set(phases[-1]["skill"]) >= {"peak_latency", "peak_amplitude", "threshold"}


def test_help_needs_no_torch() -> None:
    code = (
        "import sys\nfrom abr_model.cli import CLIENT\nfrom curriculum.cli import main\n"
        "main(CLIENT, ['data', '--help'])\nmain(CLIENT, ['data', 'import', '--help'])\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'matplotlib', 'abr_model.data.readers')))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    assert "Bring your own recordings" in done.stdout
