"""The table of a demo's criteria, for its page and its notebook, which may lack a template engine."""

import html
from collections.abc import Mapping
from typing import Any

OUTCOMES = {True: ("good", "✓ pass"), False: ("bad", "✗ FAIL"), None: ("faint", "quick: not checked")}


def criteria_table(result: Mapping[str, Any]) -> str:
    """A demo's result.json as HTML: criterion, expected, measured, outcome; and below them the reports."""
    rows = ["<tr><th>criterion</th><th>expected</th><th>measured</th><th>outcome</th></tr>"]
    for criterion in result["criteria"]:
        color, word = OUTCOMES[criterion["pass"]]
        texts = criterion["name"], criterion["expected"], f"{criterion['measured']:.6g}"
        rows.append(f'<tr>{"".join(f"<td>{html.escape(text)}</td>" for text in texts)}<td class="{color}">{word}</td></tr>')
    rows += [
        f'<tr class="report"><td>{html.escape(name)}</td><td></td><td colspan="2">{html.escape(value)}</td></tr>'
        for name, value in result["report"].items()
    ]
    return f'<div class="wide"><table class="criteria">{"".join(rows)}</table></div>'
