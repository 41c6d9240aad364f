"""The coursework: list the exercises, write a starter file or the engine in ten steps into this folder, ask a question."""

import argparse
import shlex
from pathlib import Path

from minigen.coursework.exercises import exercises, unknown
from minigen.coursework.handouts import hand_out, hand_out_steps
from minigen.coursework.questions import Question, ask, questions
from minigen.errors import UsageError
from minigen.utils.arguments import Parser

EXAMPLES = """
  minigen exercise
  minigen exercise 1
  minigen check exercise1.py
  minigen exercise engine
  minigen exercise question 3
  minigen exercise 1 --exercises my-exercises
"""
ENGINE, QUESTION = "engine", "question"
DIGITS = 6  # of the largest number of an exercise


def arguments(parser: Parser) -> None:
    """[NUMBER | engine | question [NUMBER]] [--exercises FOLDER]."""
    parser.add_argument(
        "what",
        metavar="WHAT",
        nargs="?",
        help="the NUMBER of an exercise, to write its starter file; engine, to write an engine in ten steps; question, to ask "
        "one of the chapter's; without it, the exercises are listed",
    )
    parser.add_argument("number", metavar="NUMBER", nargs="?", help="of a question; without it, the questions are listed")
    parser.add_argument("--exercises", metavar="FOLDER", type=Path, help="the exercises of a folder, in place of minigen's")


def run(args: argparse.Namespace) -> int:
    """0; 1 if what would be written exists already, or an answer is not attempted yet."""
    if args.what != QUESTION and args.number is not None:
        raise UsageError(f"only a question has a number after its name: minigen exercise question {args.number}")
    if args.what in (ENGINE, QUESTION) and args.exercises is not None:
        raise UsageError(f"--exercises is about exercises with a number; minigen exercise {args.what} has none of a folder's")
    if args.what == ENGINE:
        return hand_out_steps(Path(ENGINE))
    if args.what == QUESTION:
        return show_questions() if args.number is None else ask(question(args.number), Path(f"question{args.number}.txt"))
    known = exercises(args.exercises)
    options = "" if args.exercises is None else f" --exercises {shlex.quote(str(args.exercises))}"
    if args.what is None:
        for each in known.values():
            print(f"{each.number}  {each.title}")
        first = min(known)
        print(f"\n`minigen exercise {first}{options}` writes exercise{first}.py into this folder; complete it, then ", end="")
        print(f"`minigen check exercise{first}.py{options}`.")
        if args.exercises is None:
            print("`minigen exercise engine` writes an engine in ten steps; `minigen exercise question` lists questions.")
        return 0
    if not args.what.isdecimal():
        raise UsageError(
            f"unknown exercise {args.what!r}: expected a number, {ENGINE} or {QUESTION}; see minigen exercise --help"
        )
    chosen = known.get(int(args.what[:DIGITS]))
    if chosen is None or len(args.what) > DIGITS:
        raise UsageError(unknown(args.what[: DIGITS + 1], known))
    return hand_out(chosen.starter, Path(chosen.starter.name), options)


def show_questions() -> int:
    """List them."""
    for number, each in questions().items():
        print(f"{number}  {each.title}")
    print(
        "\n`minigen exercise question 3` writes question3.txt into this folder; write your answer into it, then the same command"
    )
    print("shows one, and where in this project it can be seen.")
    return 0


def question(text: str) -> Question:
    """The question of this number. Raises UsageError if there is none."""
    if text not in map(str, questions()):
        raise UsageError(f"there is no question {text!r}: expected 1 to {len(questions())}")
    return questions()[int(text)]
