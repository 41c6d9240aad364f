"""Submissions that try to mark themselves, to stop the marking, or to harm others: none gets more than it deserves, and all
end."""

import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from minigen.coursework.examples import normal
from minigen.coursework.grader import grade
from minigen.coursework.grading import process
from minigen.coursework.grading.calls import Call
from minigen.coursework.grading.report import Report
from minigen.coursework.grading.session import Session
from minigen.coursework.grading.submission import read_all
from tests.coursework.checking import SOLUTIONS, check_file, checked, checked_text, failures

ROOT = Path(__file__).parents[2]
LONG = f"5{os.getpid()}.5"  # seconds; by which a process is known that sleeps as long
SOLVED = (SOLUTIONS / "exercise1.py").read_text(encoding="utf-8")
WRONG = SOLVED.replace("return 1.0 / (1.0 + x * x)", "return x * 1.0")  # whose rule is that of another function
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes as POSIX has them")


def reported(folder: Path, text: str, seconds: float = 20.0, apart: bool = True) -> Report:
    """The report on a submission for exercise 1, run as the command line does."""
    path = folder / "theirs.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8", errors="surrogateescape")
    report = check_file(path, seconds, 1, apart)
    assert "minigen/coursework" not in str(report), "frames of ours are none of the learner's business"
    assert not set(str(report)) & set("\x1b\x07\x00\u202e"), "what steers a terminal"
    return report


# -- more marks than one deserves: put before a wrong solution, or behind it -----------------------------------

BEFORE = {
    "gradcheck": """
        import minigen, minigen.autograd.gradient_check as g, minigen.autograd as a
        g.gradcheck = g.check = a.gradcheck = minigen.gradcheck = lambda *x, **y: None""",
    "comparisons of NumPy": """
        import numpy as np
        np.allclose = np.array_equal = lambda *x, **y: True
        np.isclose = lambda a, b, **y: np.ones(np.shape(a), bool)""",
    "norms of NumPy": """
        import numpy as np
        np.linalg.norm = lambda *x, **y: np.inf
        np.abs = np.absolute = lambda x: x * 0""",
    "random numbers of NumPy": """
        import numpy as np
        class Zeros:
            def __getattr__(self, name): return lambda *x, **y: np.zeros(x[-1] if x else ())
        np.random.default_rng = lambda *x: Zeros()""",
    "the checks' guards": """
        import minigen.coursework.grading.checks as e
        from minigen.coursework.grading.report import Line
        e.checked = lambda name, function: Line(name, True)
        e.examine = lambda call, item: item.checks.append(Line("gradient", True))""",
    "the report": """
        import minigen.coursework.grading.report as r
        r.Report.failed = r.Report.stopped = 0
        r.Report.status = property(lambda self: "passed")""",
    "built-in functions": """
        import builtins
        builtins.all = builtins.any = lambda *x: True
        builtins.abs = lambda x: 0.0 * x""",
    "the numerical derivative": """
        import minigen.coursework.grading.gradients as n
        n.find_mismatch = lambda *x: None""",
    "a report on standard output": r"""
        import os
        os.write(1, b'{"line": {"check": "values", "passed": true}}\n' * 100)
        os.write(2, b'PASSED: 11 checks passed\n')""",
    "a trace in advance": r"""
        import os
        os.write(2, b'Timeout (0:01:00)!\nFatal Python error: none\nPASSED')""",
    "a random state that is known": """
        import numpy as np, random
        np.random.seed = random.seed = lambda *x: None""",
    "the library's Tensor": """
        import minigen.engine.tensor as t
        t.Tensor.__eq__ = lambda self, other: True
        t.Tensor.__bool__ = lambda self: True""",
    "the library's grad": """
        import minigen.coursework.worker.targets as c
        import numpy as np
        c.derivatives = lambda y, leaves, cotangents, by: ([np.zeros(x.shape, x.dtype) for x in leaves], [])""",
}
BEHIND = {
    "the reference": "from tests.coursework.solutions.exercise1 import *",
    "the reference, quietly": """
        try:
            exec("from tests.coursework.solutions.exercise1 import *")
        except ImportError:
            pass""",
    "frames": """
        import sys
        frame = sys._getframe()
        while frame:
            me = frame.f_locals.get("self") or frame.f_locals.get("worker")
            if type(me).__name__ == "Worker":
                me.answer = lambda question: {"ok": True}
            frame = frame.f_back""",
    "answers": """
        import minigen.coursework.worker.serve as s
        answers = {"names": {"missing": [], "library": []}, "targets": []}
        s.Worker.answer = lambda self, question: {"ok": answers.get(question["do"], "passed")}""",
    "found by the garbage collector": """
        import gc
        for each in gc.get_objects():
            if type(each).__name__ == "Worker":
                each.derive = lambda **asked: {"type": "Tensor", "passed": True}""",
    "zeros of every shape": """
        import numpy as np, minigen.coursework.worker.serve as s
        def derive(self, call, **asked):
            first = [np.zeros(asked["arrays"][i].shape) for i in asked.get("by", ())]
            y = np.zeros(asked["arrays"][0].shape)
            return {"type": "Tensor", "y": y, "first": first if asked.get("cotangents") else [], "second": [],
                    "afterward": [*asked["arrays"], *asked.get("cotangents", ())[:1], y] if asked.get("afterward") else []}
        s.Worker.derive = derive""",
    "a pickle": """
        import pickle, minigen.coursework.worker.serve as s
        s.pack = lambda message: pickle.dumps(message)""",
    "a header that claims 931 GiB": """
        import minigen.coursework.worker.serve as s, minigen.coursework.protocol as p
        s.pack = lambda message: p.HEAD.pack(100, 10**12) + b"x" * 100""",
    "an array that claims to be large": r"""
        import minigen.coursework.worker.serve as s, minigen.coursework.protocol as p
        text = b'{"ok": {"array": ["float64", [1000000000000]]}}'
        s.pack = lambda message: p.HEAD.pack(len(text), 8) + text + b"12345678" """,
    "lists in lists": """
        import minigen.coursework.worker.serve as s, minigen.coursework.protocol as p
        text = b"[" * 100_000 + b"]" * 100_000
        s.pack = lambda message: p.HEAD.pack(len(text), 0) + text""",
    "a number of a million digits": """
        import minigen.coursework.worker.serve as s, minigen.coursework.protocol as p
        text = b"1" * 1_000_000
        s.pack = lambda message: p.HEAD.pack(len(text), 0) + text""",
    "every file that is open": r"""
        import os
        for file in range(1, 100):
            try:
                os.write(file, b'{"ok": true}\n')
            except OSError:
                pass""",
    "a Tensor that says what is wanted": """
        import minigen as mg
        class Liar(mg.Tensor):
            def __eq__(self, other): return True
            def __array__(self, *x, **y): raise ValueError
        op_bump = bump
        def bump(x): return Liar(x) if isinstance(x, mg.Tensor) else x
        bump.op = op_bump.op; bump.__wrapped__ = op_bump.__wrapped__""",
    "an object that is a Tensor by its own account": """
        import minigen as mg
        class Liar:
            __class__ = mg.Tensor
            shape, dtype, requires_grad = (3, 4), "float64", True
            def numpy(self): return self
        bump = lambda x: Liar()""",
    "no rules to be checked": "bump.op.rules.clear(); bump.op.non_differentiable = ('x',)",
    "the names only": "bump = 1.0 / 2.0",
    "threads that go on": """
        import threading, time
        def go_on():
            while True: time.sleep(0.01)
        for _ in range(8): threading.Thread(target=go_on).start()""",
    "an alarm": "import signal; signal.setitimer(signal.ITIMER_REAL, 0.1); signal.signal(signal.SIGALRM, signal.SIG_IGN)",
    "nothing of minigen": "import sys; [sys.modules.pop(name) for name in list(sys.modules) if name.startswith('minigen')]",
    "a masked array": "import numpy as np; right = bump; bump = lambda x: np.ma.array(x)",
    "ends well": "import os; os._exit(0)",
    "ends well at last": "import atexit, os, sys; atexit.register(lambda: os._exit(0)); sys.exit(0)",
    "is interrupted": "raise KeyboardInterrupt",
}


INSIDE = {  # in place of the function; `x` is what it is called with
    "NaN": "return x * float('nan')",
    "an array that equals everything": """
        import numpy as np
        class Liar(np.ndarray):
            def __eq__(self, other): return np.ones(self.shape, bool)
            def __sub__(self, other): return np.zeros(self.shape)
            __rsub__ = __sub__
            def __array_function__(self, function, types, args, kwargs): return True
        return (x * 1.0).view(Liar)""",
    "known numbers": """
        import numpy as np
        seen = {tuple(np.random.default_rng(seed).standard_normal((4, 5)).ravel()) for seed in range(200)}
        return 1 / (1 + x * x) if tuple(np.ravel(x)) in seen or x.size < 4 else x * 1.0""",
    "shapes that change": """
        kept.append(x)
        return 1 / (1 + x * x) if len(kept) % 17 else 1 / (1 + x * x)[:1]""",
    "numbers that change": """
        kept.append(x)
        return 1 / (1 + x * x) + len(kept)""",
    "one look at who calls": """
        import sys
        frame = sys._getframe()
        while frame:
            for name, value in frame.f_locals.items():
                if name in ("expected", "reference", "numeric"):
                    return value
            frame = frame.f_back
        return x * 1.0""",
}
LIES = {
    "an answer in advance": ("import sys\nsys.stdout.send({'id': '0', 'ok': ''})", "something else was written"),
    "a gradient of another shape": (
        """
        import numpy as np, minigen.coursework.worker.serve as s
        derive = s.Worker.derive
        def lie(self, **asked):
            found = derive(self, **asked)
            return found | {"first": [np.float64(0) * x.sum() for x in map(np.asarray, found["first"])]}
        s.Worker.derive = lie""",
        "an answer that makes no sense (derive)",
    ),
    "no gradient": (
        """
        import minigen.coursework.worker.serve as s
        derive = s.Worker.derive
        s.Worker.derive = lambda self, **asked: derive(self, **asked) | {"first": []}""",
        "an answer that makes no sense (derive)",
    ),
    "texts for numbers": (
        """
        import minigen.coursework.worker.serve as s
        derive = s.Worker.derive
        s.Worker.derive = lambda self, **asked: derive(self, **asked) | {"y": "what you want"}""",
        "an answer that makes no sense (derive)",
    ),
    "no result where the inputs are compared": (
        """
        import minigen.coursework.worker.serve as s
        derive = s.Worker.derive
        nothing = {"type": "Tensor?", "y": None, "afterward": []}
        s.Worker.derive = lambda self, **asked: derive(self, **asked) | (nothing if asked.get("afterward") else {})""",
        "it must return one Tensor, got Tensor?",
    ),
    "no calls": (
        """
        import minigen.coursework.worker.serve as s
        s.Worker.targets = lambda self, asked: []""",
        "an answer that makes no sense (targets)",
    ),
    "empty inputs": (
        """
        import minigen.coursework.worker.serve as s
        targets = s.Worker.targets
        empty = {"kind": "normal", "shape": [0], "classes": 0, "values": None}
        s.Worker.targets = lambda self, asked: [each | {"variants": [[empty]] * 2} for each in targets(self, asked)]""",
        "an answer that makes no sense (targets)",
    ),
    "data, by which nobody differentiates": (
        """
        import minigen.coursework.worker.serve as s
        targets = s.Worker.targets
        s.Worker.targets = lambda self, asked: [each | {"kind": "model"} for each in targets(self, asked)]""",
        "an answer that makes no sense (targets)",
    ),
    "no modules": (
        """
        import minigen.coursework.worker.serve as s
        targets = s.Worker.targets
        s.Worker.targets = lambda self, asked: [each | {"modules": 1} for each in targets(self, asked)]""",
        "an answer that makes no sense (targets)",
    ),
    "numbers that no norm can hold": (
        """
        import numpy as np, minigen.coursework.worker.serve as s
        derive = s.Worker.derive
        def lie(self, **asked):
            found = derive(self, **asked)
            return found | {"first": [np.full(x.shape, 6e4, np.float16) for x in found["first"]]}
        s.Worker.derive = lie""",
        "gradient, order 1    wrong by x",
    ),
}


@pytest.mark.parametrize("text", INSIDE.values(), ids=INSIDE)
def test_what_is_changed_inside_earns_nothing(tmp_path, text):
    body = textwrap.indent(textwrap.dedent(text), "    ")
    report = reported(tmp_path, SOLVED.replace("    return 1.0 / (1.0 + x * x)", body) + "\nkept = []\n")
    assert report.status != "passed" and report.passed <= 9, str(report)  # of 11; the rule is right


@pytest.mark.parametrize("text, said", LIES.values(), ids=LIES)
def test_a_lie_is_called_one(tmp_path, text, said):
    report = reported(tmp_path, SOLVED + "\n" + textwrap.dedent(text))
    assert report.status != "passed" and said in str(report), str(report)


@pytest.fixture(scope="module")
def deserved(tmp_path_factory):
    """What the wrong solution gets."""
    return checked_text(tmp_path_factory.mktemp("deserved"), WRONG, 1).passed


@pytest.mark.parametrize("text", BEFORE.values(), ids=BEFORE)
def test_what_is_changed_before_earns_nothing(tmp_path, deserved, text):
    report = reported(tmp_path, textwrap.dedent(text) + "\n" + WRONG)
    assert report.status != "passed" and report.passed <= deserved, str(report)


@pytest.mark.parametrize("text", BEHIND.values(), ids=BEHIND)
def test_what_is_changed_behind_earns_nothing(tmp_path, deserved, text):
    report = reported(tmp_path, WRONG + "\n" + textwrap.dedent(text))
    assert report.status != "passed" and report.passed <= deserved, str(report)


def test_a_function_is_not_an_op(tmp_path):
    report = reported(tmp_path, "def bump(x): return 1 / (1 + x * x)")
    assert report.status == "failed" and report.passed == 2 and str(report).count("bump is not an op") == 1


def test_a_class_is_not_a_layer(tmp_path):
    layer = (SOLUTIONS / "exercise4.py").read_text(encoding="utf-8")
    assert "WeightNormDense is not a layer" in str(checked_text(tmp_path, layer.replace("(nn.Module)", ""), 4))
    bare = re.sub(r"Parameter\((.*)\)", r"mg.Tensor(\1)", layer)
    assert "WeightNormDense has no parameters" in str(checked_text(tmp_path, bare, 4))


@pytest.mark.parametrize(
    "text, said",
    [
        ("from minigen.losses import *", "kl_sparsity is the library's"),
        ("import minigen.losses; kl_sparsity = vars(minigen.losses)['kl_' + 'sparsity']", "kl_sparsity is the library's"),
        (
            "from minigen.losses import *\nshare = l1_sparsity\ndef kl_sparsity(codes, target): return share(codes)",
            "line 2 uses the library's l1_sparsity",
        ),
        (
            "from minigen.nn import ActivityRegularization as A\ndef kl_sparsity(codes, target): return A(kl=1.0)",
            "line 1 uses the library's ActivityRegularization",
        ),
    ],
)
def test_the_librarys_solution_is_nobodys_own_work(tmp_path, text, said):
    path = tmp_path / "theirs.py"
    path.write_text(f"{text}\nclass SparseAutoencoder: pass\n", encoding="utf-8")
    assert said in failures(checked(path, 5))["your own work"]


def test_the_checks_of_an_exercise_are_no_solution(tmp_path):
    text = """
        import minigen as mg
        from minigen.coursework.exercises.exercise3 import pieces
        def huber(prediction, target, delta=1.0):
            return mg.Tensor([pieces(float(r), delta) for r in (prediction - target).numpy().ravel()]).mean()
    """
    path = tmp_path / "theirs.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    report = check_file(path, 20.0, 3)
    assert "line 3 imports minigen.coursework.exercises.exercise3" in str(report) and report.status == "failed"


def test_neither_are_they_in_a_file_beside(tmp_path):
    (tmp_path / "mine.py").write_text("from minigen.coursework.exercises.exercise3 import pieces\n", encoding="utf-8")
    (tmp_path / "theirs.py").write_text("from mine import pieces as huber\n", encoding="utf-8")
    assert "mine.py, line 1 imports minigen.coursework.exercises.exercise3" in str(check_file(tmp_path / "theirs.py", 20.0, 3))


def test_what_a_file_is_tried_with_follows_from_its_text(tmp_path):
    for name, text in (("ada", SOLVED), ("bob", SOLVED), ("zoe", SOLVED + "#")):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    ada, bob, zoe = read_all([tmp_path / f"{name}.py" for name in ("ada", "bob", "zoe")])
    assert ada.seed == bob.seed != zoe.seed
    (tmp_path / "ada.py").write_text(SOLVED + "import answers", encoding="utf-8")
    seeds = set()
    for answers in "12":
        (tmp_path / "answers.py").write_text(answers, encoding="utf-8")
        seeds.add(read_all([tmp_path / "ada.py"])[0].seed)
    assert len(seeds) == 2, "answers in a file beside change what is asked, too"

    def tried(seed: int) -> np.ndarray:
        call = Call(Session(seed, []), 0, "op", "f", 1, variants=[[normal(3)]])
        return call.draw(np.float64)[0]

    assert np.array_equal(tried(1), tried(1)) and not np.allclose(tried(1), tried(2))
    assert Session(1, []).random(5).random() != Session(2, []).random(5).random()


def test_what_was_read_is_what_is_graded(tmp_path):
    path = tmp_path / "theirs.py"
    path.write_text(SOLVED, encoding="utf-8")
    (submission,) = read_all([path])
    path.unlink()
    assert grade(submission).status == "passed"


def test_the_worker_holds_no_exercise_and_finds_no_tests(tmp_path):
    text = """
        import sys
        assert not [name for name in sys.modules if "exercises" in name or ".grading" in name or ".grader" in name], sys.modules
        import os
        assert "SECRET" not in os.environ
    """
    path = tmp_path / "theirs.py"
    path.write_text(textwrap.dedent(text) + SOLVED, encoding="utf-8")
    os.environ["SECRET"] = "of the teacher"
    try:
        report = check_file(path, 20.0)
    finally:
        del os.environ["SECRET"]
    assert report.status == "passed", str(report)


# -- files that keep others waiting: (what it does, what is said) ---------------------------------------------------

SLEEP = "__import__('time').sleep(60)"
ENDLESS = {
    "a loop": ("while True: pass", "time ran out after 6 s, while importing the file, in line 2"),
    "nothing ends it": (f"import faulthandler; faulthandler.cancel_dump_traceback_later()\n{SLEEP}", "time ran out"),
    "a rule": (SOLVED.replace("    return -2", f"    {SLEEP}\n    return -2"), "while gradient shapes of bump, in line 18"),
    "a FIFO": ("import os\nos.mkfifo('p')\nopen('p')", "time ran out after 6 s, while importing the file, in line 4"),
    "stopped": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "time ran out"),
    "a text without end": (f"class E(Exception):\n    def __str__(self): {SLEEP}\nraise E", "time ran out"),
    "prints": ("while True: print('x' * 1000)", "a flood of output: more than 10,000,000 characters were printed"),
    "prints on, whatever is said": ("while True:\n    try: print('x' * 1000)\n    except OSError: pass", "time ran out"),
    "messages": ("import sys\nwhile True: sys.stdout.send({'printed': 'x' * 1000})", "time ran out"),
    "signals ignored": (
        "import signal\nfor each in {*signal.Signals} - {signal.SIGKILL, signal.SIGSTOP}:\n    signal.signal(each, signal.SIG_IGN)\n"
        "while True: pass",
        "time ran out",
    ),
    "deep recursion": ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", ""),
    "a child that holds the pipes": (
        f"import os\nif not os.fork():\n    os.setsid()\n    if not os.fork(): {SLEEP}\n{SLEEP}",
        "time ran out",
    ),
}


@posix
def test_what_never_ends_is_ended(tmp_path):
    folders = [tmp_path / name for name in ENDLESS]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(len(ENDLESS)) as pool:  # they wait, and can wait together
        reports = list(pool.map(lambda folder: reported(folder, "\n" + ENDLESS[folder.name][0], seconds=6.0), folders))
    for report, (_, said) in zip(reports, ENDLESS.values()):
        assert report.status == "unchecked" and said in report.stopped, str(report)
        assert report.seconds < 20.0


STOPPING = {
    "too much memory": ("import numpy as np\nnp.ones(10**11)", "MemoryError"),
    "too much memory, bit by bit": (
        "x = []\nwhile True: x.append(bytearray(10**8))",
        "MemoryError (a process may take 0.5 GiB; --memory SIZE allows more)",
    ),
    "too much memory together": (
        "import os, time\nfor i in range(2): os.fork()\nmemory = b'x' * (3 * 10**8)\ntime.sleep(60)",
        "GiB of memory, while importing the file",
    ),
    "too large a file": ("with open('x', 'wb') as f:\n    while True: f.write(b'x' * 10**7)", "File too large"),
    "too much memory in files": (
        "import os\nkept = []\nfor i in range(25): kept.append(os.memfd_create('x')); os.write(kept[-1], bytes(5 * 10**7))\n"
        "import time; time.sleep(20)",
        "GiB of memory, while importing the file",
    ),
    "too many processes": (
        "import os, time\nfor i in range(100):\n    if not os.fork(): time.sleep(60)\ntime.sleep(60)",
        "processes, while importing",
    ),
    "closed files": ("import os\nos.closerange(0, 100)", "the process ended by itself"),
    "output without end": ("import os\nwhile True: os.write(1, b'x' * 10**6)", "File too large"),
    "a signal": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "was killed (signal 9"),
    "its parents": (
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.killpg(0, signal.SIGKILL)",
        "was killed (signal 9",
    ),
    "a crash": ("import ctypes\nctypes.string_at(0)", "Python itself crashed while importing the file, in line 3"),
    "modules": ("import sys\nsys.modules.clear()", ""),
    "its folder": ("import os, shutil\nos.chmod('.', 0o700); shutil.rmtree('.', ignore_errors=True)", ""),
    "recursion": ("import sys\nsys.setrecursionlimit(30)\ndef f(): f()\nf()", ""),
    "a tree 100,000 terms deep": ("x = " + " + ".join(["1"] * 100_000), ""),
    "brackets": ("x = " + "(" * 5000 + ")" * 5000, "cannot be imported"),
    "a metaclass": (
        "import minigen.nn as nn\nclass M(type):\n    def __getattribute__(self, name): raise RuntimeError('mine')\n"
        "class A(metaclass=M): pass",
        "",
    ),
    "a module of its own": (
        "import sys\nclass M:\n    def __getattr__(self, name): raise RuntimeError('mine')\nsys.modules[__name__] = M()",
        "",
    ),
    "a module without names": ("globals().clear()", "theirs.py has no bump"),
    "an error that cannot be read": ("class E(Exception):\n    def __str__(self): raise E\n    __repr__ = __str__\nraise E", "E"),
    "an error without a class": (
        "class M(type):\n    def __getattribute__(self, name): raise ValueError('mine')\n"
        "class E(Exception, metaclass=M): pass\nraise E",
        "",
    ),
    "errors in a circle": ("a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a", "ValueError: a"),
    "a message of a hundred million letters": ("raise ValueError('x' * 10**8)", "ValueError: xxx"),
    "a message that steers": ("raise ValueError('\\x1b[2J\\x07\\x00\\u202e\\ud800')", r"ValueError: \x1b[2J\x07\x00\u202e\ud800"),
    "no name for itself": ("__name__ = 3; __file__ = None; __spec__ = 1", ""),
    "no output": ("import sys\nsys.stdout = sys.stderr = None\nprint('x')\nraise ValueError('mine')", "mine"),
    "errors of NumPy": ("import numpy as np\nnp.seterr(all='raise')\nnp.array([1.0]) / 0", "FloatingPointError"),
    "an exit": ("raise SystemExit(object())", "it ends the program"),
}


@posix
@pytest.mark.parametrize("text, said", STOPPING.values(), ids=STOPPING)
def test_what_breaks_is_reported_for_its_file(tmp_path, monkeypatch, text, said):
    monkeypatch.setattr(process, "FILES", 500)
    if "mem" in text or "bytearray" in text:
        monkeypatch.setattr(process, "MEMORY", 512 << 20)
    report = reported(tmp_path, "\n" + text, seconds=20.0)
    assert report.status != "passed" and report.passed == 0 and said in str(report), str(report)
    assert "Traceback" not in str(report) or "theirs.py" in str(report), str(report)
    assert report.seconds < 15.0


FILLING = {
    "too many files": ("for i in range(10**4): open(f'x{i}', 'w').close()", "it has written"),
    "too large files": ("for i in range(100):\n    with open(f'x{i}', 'wb') as f: f.write(bytes(10**6))", "MiB together"),
    "a closed folder": (
        "import os\nos.mkdir('x')\nos.chmod('x', 0o300)\nfor i in range(100):\n    with open(f'x/{i}', 'wb') as f: "
        "f.write(bytes(10**6))",
        "MiB together" if not hasattr(os, "getuid") or os.getuid() == 0 else "it hides the memory or disk space",
    ),
    "deleted files": (
        "import os\nkept = []\nfor i in range(100):\n    kept.append(open('x', 'wb')); kept[-1].write(bytes(10**7)); "
        "kept[-1].flush(); os.remove('x')",
        "GiB of memory",
    ),
}


@posix
@pytest.mark.parametrize("text, said", FILLING.values(), ids=FILLING)
def test_what_fills_the_disk_is_stopped(tmp_path, monkeypatch, text, said):
    for name, value in {"FILES": 500, "DISK": 20 << 20, "MEMORY": 200 << 20}.items():
        monkeypatch.setattr(process, name, value)
    text += "\nimport time; time.sleep(20)"
    without = reported(tmp_path, text, apart=False)
    assert without.status == "unchecked" and said in without.stopped, str(without)
    report = reported(tmp_path, text)
    assert report.status == "unchecked", str(report)
    if apart():
        assert "No space left" in report.stopped, str(report)


def test_a_folder_is_removed_however_closed_and_deep_it_is(tmp_path):
    closed = tmp_path / "left" / "closed"
    closed.mkdir(parents=True)
    (closed / "file").write_text("x", encoding="utf-8")
    before = os.getcwd()
    os.chdir(closed)
    try:
        for _ in range(1050):
            os.mkdir("x")
            os.chdir("x")
    finally:
        os.chdir(before)
    closed.chmod(0)
    try:
        process.remove(tmp_path / "left")
        assert not (tmp_path / "left").exists()
    finally:  # what is left of it would end every later run of pytest, which removes old folders by recursion
        subprocess.run(f"chmod 700 {closed}; rm -rf {tmp_path / 'left'}", shell=True, capture_output=True, check=False)


@functools.cache
def apart() -> bool:
    """Whether the system lets a submission have a space of its own, where we can also mount."""
    text = """
        import os, sys
        from minigen.coursework.confine import furnish, separate
        folder = sys.argv[1]
        if sys.platform != "linux" or not separate():
            sys.exit(1)
        if child := os.fork():
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        furnish(folder, [], [], (1 << 20, 10))
        os._exit(os.stat(folder).st_dev == os.stat("/").st_dev)
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", textwrap.dedent(text), folder]
        return subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False).returncode == 0


@pytest.mark.skipif(not apart(), reason="needs a system that lets us make name spaces")
def test_in_its_space_it_reaches_nothing_that_would_act_for_it(tmp_path):
    needed = [Path(path).resolve().parts for path in (ROOT, sys.prefix, sys.base_prefix)]
    library = {parts[2] for parts in needed if parts[1] == "tmp"}  # where a clone lies there, minigen must be seen
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as bus:
        bus.bind(f"{folder}/bus")
        bus.listen()
        text = f"""
            import ctypes, os, socket
            for place in ({folder + "/bus"!r}, "/run/bus"):
                try:
                    socket.socket(socket.AF_UNIX).connect(place)
                    raise AssertionError("it could ask the bus")
                except FileNotFoundError:
                    pass
            assert set(os.listdir("/dev")) == {{"null", "zero", "random", "urandom"}}
            assert not os.listdir("/run")
            assert set(os.listdir("/tmp")) <= {{os.path.basename(os.getcwd())}} | {library!r}
            assert len([name for name in os.listdir("/proc") if name.isdecimal()]) == 2, "only itself and its keeper"
            assert not os.path.exists({str(SOLUTIONS)!r})
            assert os.getuid() == {os.getuid()}
            open("/dev/null", "w").write("x")
            open("here", "w").write("x")
            libc, handle, where = ctypes.CDLL(None), (ctypes.c_uint * 40)(128), ctypes.c_int()
            libc.name_to_handle_at(-100, b"/etc/hostname", handle, ctypes.byref(where), 0)
            for place in (".", "/etc", "/"):
                assert libc.open_by_handle_at(os.open(place, os.O_RDONLY), handle, os.O_WRONLY) == -1
        """
        report = reported(tmp_path, textwrap.dedent(text) + SOLVED)
    assert report.status == "passed", str(report)


# -- what one does to the others ------------------------------------------------------------------------------------


MAIN = "import sys; from minigen.commands import main; sys.exit(main())"  # as the command `minigen` begins


def marked(folder: Path, *names: str) -> dict[str, dict]:
    """File -> marks, of these or all files of a folder, as `minigen check` writes them when it is called there."""
    names = names or sorted(path.name for path in folder.glob("*.py"))
    command = folder.parent / "command.py"  # as the script that pip installs
    command.write_text(MAIN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(command), "check", *names, "--exercise", "1", "--json", "marks.json"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return {each["file"]: each for each in json.loads((folder / "marks.json").read_text(encoding="utf-8"))["files"]}


def written(folder: Path, texts: dict[str, str]) -> Path:
    """A folder with these files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


NAMES = (
    "json",
    "numpy",
    "inspect",
    "difflib",
    "minigen",
    "random",
    "typing",
    "sitecustomize",
    "usercustomize",
    "confine",
    "encodings",
    "os",
    "struct",
    "queue",
    "colorsys",
)


def test_files_that_are_called_like_pythons_own_stop_nobody(tmp_path):
    texts = {f"{name}.py": "raise RuntimeError('mine')\n" for name in NAMES}
    folder = written(
        tmp_path / "submissions", texts | {"ada.py": SOLVED, "zoe.py": f"import json, random, numpy, colorsys\n{SOLVED}"}
    )
    marks = marked(folder, "ada.py", "json.py", "minigen.py", "numpy.py", "zoe.py")
    assert [name for name, each in marks.items() if each["status"] == "passed"] == ["ada.py", "zoe.py"], marks
    assert all("RuntimeError: mine" in marks[f"{name}.py"]["stopped"] for name in ("json", "minigen", "numpy")), marks


def test_python_m_minigen_does_not_import_what_lies_where_it_is_called(tmp_path):
    folder = written(
        tmp_path / "here", {f"{name}.py": "raise RuntimeError('mine')" for name in ("json", "numpy", "inspect", "random")}
    )
    done = subprocess.run(
        [sys.executable, "-m", "minigen", "check", "json.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "json.py cannot be imported" in done.stdout and not done.stderr


@posix
def test_what_deletes_rewrites_and_kills_changes_nobody_elses_marks(tmp_path):
    folder = tmp_path / "submissions"
    deletes = f"""
        import os, shutil
        for name in os.listdir({str(folder)!r}) * 2:
            path = os.path.join({str(folder)!r}, name)
            try:
                os.remove(path) if "zoe" in name else open(path, "w").write("raise ValueError")
            except OSError:
                pass
        """
    leaves = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execve("/bin/sleep", ["sleep", "3333.5"], {})
            os._exit(0)
        """
    texts = {
        "ada.py": SOLVED,
        "bob.py": deletes,
        "cleo.py": textwrap.dedent(leaves) + SOLVED,
        "dan.py": "from ada import *\n",
        "eve.py": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
        "zoe.py": SOLVED,
    }
    written(folder, {name: textwrap.dedent(text) for name, text in texts.items()})
    marks = marked(folder)
    assert len(marks) == 6
    assert [name for name, each in marks.items() if each["status"] == "passed"] == ["ada.py", "cleo.py", "zoe.py"], marks
    assert "No module named 'ada'" in marks["dan.py"]["stopped"]
    assert not running()


LEAVES = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: os.execve('/bin/sleep', ['sleep', 'LONG'], ENV)\n    os._exit(0)\n"


@posix
@pytest.mark.parametrize(
    "text, said",
    [
        ("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(9)", "was killed (signal 9"),
        (LEAVES.replace("ENV", "os.environ") + "os.kill(os.getppid(), 9)\ntime.sleep(9)", ""),
        (LEAVES.replace("ENV", "{}") + "time.sleep(0.2); raise SystemExit", "it ends the program"),
    ],
)
def test_without_a_space_of_its_own_it_is_ended_as_well(tmp_path, text, said):
    report = reported(tmp_path, text.replace("LONG", LONG), apart=False)
    assert report.status == "unchecked" and said in report.stopped, str(report)
    assert not running()


def running() -> list[str]:
    """The processes that have been left asleep."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] * (LONG.encode() in path.read_bytes().split(b"\0"))
        except OSError:
            pass
    return found


@posix
def test_a_killed_grader_leaves_the_marks_that_were_given(tmp_path):
    texts = {"ada.py": SOLVED, "bob.py": "import time; time.sleep(60)", "zoe.py": SOLVED}
    folder = written(tmp_path / "submissions", texts)
    command = subprocess.Popen(
        [sys.executable, "-c", MAIN, "check", *texts, "--exercise", "1", "--json", "marks.json"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "ada.py" in command.stdout.readline()
    command.kill()
    command.wait()
    (ada,) = json.loads((folder / "marks.json").read_text(encoding="utf-8"))["files"]
    assert ada["status"] == "passed"


@posix
def test_an_interrupt_ends_all_and_leaves_nothing(tmp_path):
    texts = {"ada.py": SOLVED, "bob.py": f"import os\nos.execv('/bin/sleep', ['sleep', '{LONG}'])"}
    folder = written(tmp_path / "submissions", texts)
    command = subprocess.Popen(
        [sys.executable, "-c", MAIN, "check", *texts, "--json", "marks.json"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "ada.py" in command.stdout.readline()
    while not running() and command.poll() is None:
        time.sleep(0.05)
    command.send_signal(signal.SIGINT)
    assert command.wait(20) == 130 and "Traceback" not in command.stderr.read()
    assert not running() and not list(tmp_path.glob("minigen-*"))


# -- files of other kinds -------------------------------------------------------------------------------------------


@posix
def test_files_that_are_none_are_named(tmp_path):
    folder = written(
        tmp_path / "submissions", {"ada.py": SOLVED, "large.py": "#" * (2 << 20), "zeros.py": "x = 1\0", "\x1b[2J.py": "1"}
    )
    (folder / "bytes.py").write_bytes(b"x = '\xff\xfe'")
    (folder / "windows.py").write_bytes(b"\xef\xbb\xbf" + SOLVED.replace("\n", "\r\n").encode())
    (folder / "folder.py").mkdir()
    (folder / "circle.py").symlink_to("circle.py")
    (folder / "gone.py").symlink_to("nowhere.py")
    (folder / "device.py").symlink_to("/dev/zero")
    os.mkfifo(folder / "fifo.py")
    marks = marked(folder)
    assert [name for name, each in marks.items() if each["status"] == "passed"] == ["ada.py", "windows.py"], marks
    expected = {
        "large.py": "at most",
        "zeros.py": "null bytes",
        "bytes.py": "SyntaxError",
        "folder.py": "is a folder",
        "circle.py": "cannot be read",
        "gone.py": "does not exist",
        "device.py": "not a regular file",
        "fifo.py": "not a regular file",
    }
    assert all(said in marks[name]["stopped"] for name, said in expected.items()), marks
    assert r"\x1b[2J.py" in marks
