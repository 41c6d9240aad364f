"""Grade a submission: it answers questions in a process of its own, and the report is written here."""

import time
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from minigen.coursework.exercises import exercises, unknown
from minigen.coursework.exercises.folder import line_in_checker
from minigen.coursework.exercises.tools import COURSEWORK, SECONDS, Asked, Exercise
from minigen.coursework.grading.calls import DESCRIBED, Call
from minigen.coursework.grading.checks import checked, examine
from minigen.coursework.grading.process import WorkerProcess
from minigen.coursework.grading.remote import CheckerMistake, Remote
from minigen.coursework.grading.report import CheckFailed, Item, Line, Report
from minigen.coursework.grading.session import HINTS, LearnerError, Session, Stopped, clean, in_one_line
from minigen.coursework.grading.submission import Submission

CALLS = 200  # that are checked, of a file
UNWRITTEN = "still to be written"  # what is said of a place that the learner has yet to fill in
DERIVATIVES = ("gradient shapes", "gradient, order 1", "gradient, order 2")  # checks of the rules of an op
ADVICE = "write it yourself, with ops"
KINDS = {
    "op": ("an op", "write @op above it, and its rule below it"),
    "layer": ("a layer", "write class ...(nn.Module), with a forward"),
    "model": ("a model", "write class ...(nn.Module), with a loss"),
}


def grade(
    submission: Submission,
    seconds: float | None = None,
    number: int | None = None,
    apart: bool = True,
    memory: int | None = None,
    known: Mapping[int, Exercise] | None = None,
) -> Report:
    """The report on one submission. `seconds`: the time limit, by default 60 or what its exercise allows. `number`: of the
    exercise, by default what the file says. `apart`, `memory`: see WorkerProcess. `known`: the exercises, by default minigen's;
    the folder of a teacher's own is hidden from the submission."""
    known = exercises() if known is None else known
    report = Report(submission.shown, submission.exercise if number is None else number, stopped=submission.problem)
    if number is None and submission.said is None and report.exercise not in known:  # a name that is no exercise's
        report.exercise = None
    task = None if report.exercise is None else known.get(report.exercise)
    report.checks = task.checks if task else 0
    if report.stopped:
        return report
    report.remarks += [submission.link] * bool(submission.link)
    if seconds is None:
        seconds = task.seconds if task else SECONDS
    secret = {each.home for each in known.values()} - {COURSEWORK}
    start = time.perf_counter()
    try:
        with WorkerProcess(submission, seconds, apart, memory, secret) as session:
            question(session, report, in_one_line(submission.path.name), known)
    except OSError as error:  # no more processes, no space
        report.stopped = f"the process in which it was to be run cannot be started: {error}"
    report.seconds = time.perf_counter() - start
    return report


def question(session: Session, report: Report, name: str, known: Mapping[int, Exercise] | None = None) -> None:
    """Ask all questions about the file called `name`, and fill its report; a premature end is part of it. `known`: exercises."""
    try:
        Grading(session, report, name, exercises() if known is None else known).run()
    except Stopped as stopped:
        report.stopped = str(stopped)
    except LearnerError as error:
        report.stopped = f"{name} cannot be examined, while {session.running}:\n\n{error.traceback or error.first_line}"
    except CheckerMistake as error:
        report.stopped = f"the checker is wrong, not {name}: {error}{line_in_checker(error)}, while {session.running}"
    except (Exception, SystemExit) as error:  # an answer of the right form that makes no sense, or a bug of the checker's
        said = f"{type(error).__name__}: {clean(str(error), 200)}{line_in_checker(error)}"
        report.stopped = f"it cannot be graded: while {session.running}, {said}"
    report.printed = session.printed


class Grading:
    """The order of the questions."""

    def __init__(self, session: Session, report: Report, name: str, known: Mapping[int, Exercise]):
        self.session, self.report, self.name, self.known = session, report, name, known

    def run(self) -> None:
        session, report = self.session, self.report
        task = None if report.exercise is None else self.known.get(report.exercise)
        if report.exercise is not None and task is None:
            report.stopped = f"EXERCISE = {report.exercise} in {self.name}: {unknown(report.exercise, self.known)}"
            return
        session.running = "reading the file"  # before any of it has run
        uses = session.ask("forbidden_uses", [str], names=task.forbidden, files=session.files) if task else []
        session.running = "importing the file"
        if trouble := session.ask("import_file", str):
            full = session.memory and "MemoryError" in trouble.splitlines()[-1]
            limit = f" (a process may take {session.memory / 2**30:.3g} GiB; --memory SIZE allows more)" if full else ""
            report.stopped = f"{self.name} cannot be imported:\n\n{trouble}{limit}"
        elif task:
            self.examine_exercise(task, uses)
        else:
            self.examine_all()

    def examine_all(self) -> None:
        """Whatever there is in a file of no exercise."""
        session, report = self.session, self.report
        session.running = "looking for what there is to check"
        calls = self.calls(None)
        left = session.ask("unchecked", {"functions": [str], "classes": [str]})
        if not calls:
            report.stopped = nothing(self.name, left["functions"], left["classes"])
            return
        self.examine(calls[:CALLS])
        report.remarks += [f"{name} has a forward, but is not a layer: {of_module(name)}." for name in left["classes"]]
        if left["functions"]:
            report.remarks.append(
                f"Not checked: {', '.join(left['functions'])}. To check a function, write `from minigen.coursework import "
                f"example`, and example({left['functions'][0]}, (3, 4)), a shape for each input."
            )

    def examine_exercise(self, task: Exercise, uses: list[str]) -> None:
        """The calls that an exercise asks for, then its requirements. `uses`: of what it is to be written without."""
        session = self.session
        session.running = "looking for what the exercise asks for"
        problems = [Line("your own work", False, use, [ADVICE]) for use in uses]
        missing: list[str] = []
        calls: list[Call] = []

        def begin() -> str:
            found = session.ask("names", {"missing": [str], "library": [str]}, names=task.names)
            missing.extend(found["missing"])
            if missing:
                raise CheckFailed(f"{self.name} has no {' and no '.join(missing)}", "keep the names as they were handed out")
            problems.extend(Line("your own work", False, f"{name} is the library's", [ADVICE]) for name in found["library"])
            asked = self.calls([each.as_dict() for each in task.examples])
            if len(asked) != len(task.examples) or not all(each.is_that(call) for each, call in zip(task.examples, asked)):
                raise session.nonsense("targets")
            for each, call in zip(task.examples, asked):
                trouble = unlike(each, call)
                if not trouble:
                    calls.append(call)
                elif trouble not in problems:
                    problems.append(trouble)
            return ""

        beginning = checked("defines", begin)
        found = {} if missing else {name: self.required(task, name) for name in task.requirements if name in task.values}
        begun = {name: line for name, line in reversed(found.items()) if not line.detail.startswith(UNWRITTEN)}
        wrong = {task.values[name]: line for name, line in begun.items() if not line.passed}
        self.examine(calls, wrong)
        item = Item("exercise", f"Exercise {task.number}: {task.title}", checks=[beginning] * (not beginning.passed) + problems)
        self.report.items.append(item)
        for name in () if missing else task.requirements:
            line = found.get(name) or self.required(task, name)
            values_first(line, wrong, task.rests_on.get(name))
            item.checks.append(line)

    def required(self, task: Exercise, name: str) -> Line:
        """The line of a requirement; if it is about values, and these are wrong, with what the text suggests."""
        session, function, position = self.session, task.requirements[name], [*task.requirements].index(name)
        session.running = f"requirement {name!r}"

        def ask() -> str:
            session.ask("reseed", None)
            file = Remote(session, names=task.names)
            return str(function(file, session.random(100 + position)) or "")

        line = checked(name, ask)
        if line.passed is False and name in task.values:
            with suppress(LearnerError):
                line.hints += session.ask("causes", [str], name=task.values[name])[:HINTS]
        return line

    def calls(self, asked: list[dict] | None) -> list[Call]:
        """What is to be checked, as the worker finds it."""
        found = self.session.ask("targets", [DESCRIBED], asked=asked)
        return [Call.of_answer(self.session, position, each) for position, each in enumerate(found)]

    def examine(self, calls: list[Call], wrong: Mapping[str, Line] = MappingProxyType({})) -> None:
        """All checks of these calls. `wrong`: name -> the line that says that its values are wrong."""
        for call in calls:
            item = Item(call.kind, call.name, call.line)
            self.report.items.append(item)
            examine(call, item)
            for line in item.checks if call.op else ():
                if line.check in DERIVATIVES:
                    values_first(line, wrong, call.name)


def values_first(line: Line, wrong: Mapping[str, Line], name: str | None) -> None:
    """Let a check that failed because the values of `name` are wrong say so, in place of what a wrong rule would mean."""
    if line.passed is False and name is not None and name in wrong:
        line.follows = True
        line.hints = [f"first make the function {name} right, then look at this again: {wrong[name].check}, {wrong[name].detail}"]


def unlike(asked: Asked, call: Call) -> Line | None:
    """What to say of a function in place of an op, or of a class in place of a layer or a model."""
    if asked.kind not in ("function", call.kind):
        kind, remedy = KINDS[asked.kind]
        return Line("defines", False, f"{asked.name} is not {kind}", [remedy])
    if asked.kind in ("layer", "model") and not call.parameters:
        return Line("defines", False, f"{asked.name} has no parameters", ["make them in __init__: self.scale = Parameter(array)"])
    return None


def of_module(name: str) -> str:
    """What to write in place of a class that is not a Module."""
    return f"write class {name}(nn.Module), with from minigen import nn"


def nothing(name: str, functions: list[str], classes: list[str]) -> str:
    """What to write in a file that holds nothing to check."""
    text = (
        f"{name} has nothing to check: no op (a function under @op), no layer or model (a class derived from nn.Module), and "
        "no call of example(). (What it imports is checked with the file that defines it.)"
    )
    for each in classes:
        text += f"\nIt does define {each}, with a forward: {of_module(each)}."
    if functions:
        text += f"\nIt does define {', '.join(functions)}. Put @op above a function of arrays, or write"
        text += f"\n\n    from minigen.coursework import example\n\n    example({functions[0]}, (3, 4))"
    return text + "\n\n`minigen template op` writes a file to begin with."
