"""What setup.cfg cannot say: the folder demos/ is installed as minigen/demos. No top-level package is called `demos`.

`pip install -e` leaves the demos where they are and puts the clone on Python's path. With an import hook instead, an editor would
not find the package, and to a script beside the clone the folder `minigen` would pass for it.
"""

import sys

from setuptools import find_packages, setup

packages, folders = find_packages(include=["minigen", "minigen.*"]), {"": "."}
if "editable_wheel" not in sys.argv:
    packages, folders = [*packages, "minigen.demos"], {**folders, "minigen.demos": "demos"}
setup(packages=packages, package_dir=folders)
