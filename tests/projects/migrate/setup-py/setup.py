import os

from setuptools import find_packages, setup

from shapes.version import VERSION

HERE = os.path.dirname(os.path.abspath(__file__))


def lines(name):
    with open(os.path.join(HERE, name)) as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


setup(
    name="shapes",
    version=VERSION,
    description="Knows shapes",
    author="Ada",
    packages=find_packages(exclude=["tests"]),
    package_data={"shapes": ["*.csv"]},
    install_requires=lines("requirements.txt"),
    extras_require={"cli": ["click>=8"], "old": ["toml; python_version < '3.11'"]},
    entry_points={"console_scripts": ["shapes = shapes.table:main"]},
    python_requires=">=3.8",
    classifiers=["Programming Language :: Python :: 3"],
)
