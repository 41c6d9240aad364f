"""The trained models that came with minigen: a list; or all that is known of one, of a run, or of a file that model.save wrote.

Each of the list can be sampled and walked through by its name, in place of a run folder.
"""

import argparse

from minigen import pretrained
from minigen.gallery import standards
from minigen.utils.arguments import Parser
from minigen.utils.tables import table

EXAMPLES = """
  minigen models
  minigen models vae-mnist
  minigen models runs/vae
"""


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="MODEL", help="a name, a run folder or a file: what is known of it (default: a list of names)"
    )


def run(args: argparse.Namespace) -> int:
    if args.name is not None:
        card = pretrained.card(args.name)
        print(card)
        if not card.metrics and card.get("trained by"):
            print(f"\nnot evaluated as it is now: minigen evaluate {args.name}")
        if isinstance(card, pretrained.ShippedCard) and (asked := standards.verdicts(card.name)):
            rows = [(what, bound, f"{value:.3g}", "yes" if met else "NO") for what, bound, value, met in asked]
            print(f"\n{table([('asked of it', '', 'measured', 'met'), *rows])}")
        return 0
    if not pretrained.names():
        print("no trained models came with this copy of minigen")
        return 0
    rows = [("name", "what it is", "parameters")]
    for name in pretrained.names():
        described = pretrained.shipped(name)
        rows.append((name, described.about, f"{described.parameters:,}"))
    print(table(rows, "<<>"))
    return 0
