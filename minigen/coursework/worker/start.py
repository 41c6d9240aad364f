"""The process of a submission begins here, as a script: `python -I -B start.py SETTINGS`, with the settings as JSON.

Nothing is imported from the folder in which the submission lies, and minigen is the grader's, whatever else has that name.
"""

import faulthandler
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def imported(name: str, file: Path) -> ModuleType:
    """The module in this very file."""
    spec: Any = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    settings = json.loads(sys.argv.pop())
    sys.path[:] = settings["path"]
    library = Path(settings["library"])
    confine = imported("confine", library / "coursework" / "confine.py")
    confine.limit(settings["seconds"], settings["memory"])
    needed = [settings["library"], *settings["path"], *settings["data"], sys.prefix, sys.base_prefix]
    confine.enclose(settings["folder"], settings["apart"], needed, settings["secret"], tuple(settings["room"]))
    questions, answers = os.dup(0), os.dup(1)  # from here on 0 has nothing to read, and 1 is what 2 is
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    faulthandler.enable()
    faulthandler.dump_traceback_later(settings["seconds"], exit=True)
    imported("minigen", library / "__init__.py")
    from minigen.coursework.worker.serve import serve

    try:
        serve(Path(settings["file"]), questions, answers)
    except BaseException as error:  # the pipe is gone, or something needed to answer
        os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
        os._exit(1)
    os._exit(0)  # what the file has left running, threads or atexit, is not waited for
