"""The trained models that came with minigen: a list, or all that is known of one.

Each can be sampled and walked through by its name, in place of a run folder.
"""

import argparse

from minigen import pretrained
from minigen.gallery import standards
from minigen.utils.arguments import Parser
from minigen.utils.tables import table

EXAMPLES = """
  minigen models
"""


def arguments(parser: Parser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model whose card is printed (default: a list of all)")


def run(args: argparse.Namespace) -> int:
    if args.name is not None:
        print(pretrained.card(args.name))
        if asked := standards.verdicts(args.name):
            rows = [(what, bound, f"{value:.3g}", "yes" if met else "NO") for what, bound, value, met in asked]
            print(f"\n{table([('asked of it', '', 'measured', 'met'), *rows])}")
        return 0
    if not pretrained.names():
        print("no trained models came with this copy of minigen")
        return 0
    rows = [("name", "what it is", "parameters")]
    for name in pretrained.names():
        card = pretrained.card(name)
        rows.append((name, card.about, f"{card.parameters:,}"))
    print(table(rows, "<<>"))
    return 0
