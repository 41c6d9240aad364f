"""What setup.cfg cannot say: the folder demos/ is installed as minigen/demos. No top-level package is called `demos`."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["minigen", "minigen.*"]), "minigen.demos"], package_dir={"minigen.demos": "demos"})
