"""`--dockerfile`: a Dockerfile, and beside it all that it needs, for who must build with one.

What comes out has the places, user, variables and command of an image that Holdfast makes itself,
and a store that was filled by `fill` in the build. No instruction needs a shell in the base, and
none is made of a model's words but labels. The model comes last: another one of the same lock is
one other layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import InputError
from holdfast.image.inside.places import ENVIRONMENT, GATEWAY, HOME, MODEL, absolute
from holdfast.image.texts.quote import pairs, quoted, reference, words

_GATEWAY, _HOME, _MODEL = absolute(GATEWAY), absolute(HOME), absolute(MODEL)
_PYTHON = f"{_GATEWAY}/bin/python"
_UV = "/usr/local/bin/uv"
_FILL = [_PYTHON, "-m", "holdfast.image.texts.fill"]
_RECIPE = "/context/environment"
FIRST_LINE = "# Made by `holdfast image --dockerfile`."

_MINOR = re.compile(r"[0-9]{1,2}\.[0-9]{1,3}", re.ASCII)
# Said in each stage that uses them: not every builder hands them on.
_ASKED = "ARG UV_DEFAULT_INDEX\nARG SSL_CERT_FILE"
# What uv fetched stays on the machine that builds; who we are to an index is never in a layer.
_MOUNTS = (
    "--mount=type=cache,target=/build/.cache/uv \\\n"
    "    --mount=type=secret,id=netrc,target=/build/.netrc"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a Dockerfile is told.

    Attributes:
        python: Full version of the sealed Python, "3.11.7".
        config: How the image is run, as `inside.config` has it; its labels are anybody's words.
        base: The default of its argument BASE; "" for none.
        wheel: Holdfast's wheel, in the folder `gateway`.
        slim: Whether the environment is a slim one, whose finding is in the folder `slim`.
    """

    python: str
    config: Mapping[str, Any]
    base: str
    wheel: str
    slim: bool


def dockerfile(wanted: Wanted) -> str:
    """The text.

    Raises:
        InputError: A word of the model's could not stand in it.
    """
    parts = [_arguments(wanted), _gateway(wanted), _environment()]
    if wanted.slim:
        parts.append(_slim())
    parts.append(_image(wanted))
    return "\n".join(parts)


def _arguments(wanted: Wanted) -> str:
    minor = _minor(wanted.python)
    base = f"={reference(wanted.base)}" if wanted.base else ""
    return f"""{FIRST_LINE}
#
#   docker build --build-arg BASE=… --build-arg UV=… --tag … .
#
# BASE   An image with Python {minor}, best by its digest. It needs neither a shell nor pip.
# UV     An image with the program uv at /uv.
# UV_DEFAULT_INDEX   Where the gateway's packages come from, if not from where uv has them from.
# SSL_CERT_FILE      Certificates in BASE, where a proxy has its own.
# --secret id=netrc,src=…   Who you are to an index; it stays out of the image.
ARG BASE{base}
ARG UV

FROM ${{UV}} AS uv
"""


def _gateway(wanted: Wanted) -> str:
    venv = [_UV, "venv", "--quiet", "--no-project", "--no-config", "--no-python-downloads"]
    install = [_UV, "pip", "install", "--quiet", "--no-config", "--compile-bytecode"]
    return f"""\
# The gateway: what answers HTTP, and starts a worker in the model's own environment.
FROM ${{BASE}} AS gateway
{_ASKED}
USER 0:0
WORKDIR /
ENV HOME=/build PATH=/usr/local/bin:${{PATH:-/usr/bin:/bin}} UV_LINK_MODE=copy
COPY --from=uv /uv {_UV}
RUN {words([*venv, "--python", _minor(wanted.python), _GATEWAY])}
COPY gateway/requirements.txt /context/gateway/
RUN {_MOUNTS} \\
    {words([*install, "--python", _PYTHON, "--require-hashes", "--no-deps",
            "--requirement", "/context/gateway/requirements.txt"])}
COPY gateway/{wanted.wheel} /context/gateway/
RUN {words([*install, "--python", _PYTHON, "--offline", "--no-deps",
            f"/context/gateway/{wanted.wheel}"])}
"""  # fmt: skip


def _environment() -> str:
    return f"""\
# The sealed environment, from its lock; every byte is compared with its wheel's RECORD.
FROM gateway AS environment
{_ASKED}
ENV HOLDFAST_HOME={_HOME}
COPY environment/ {_RECIPE}/
RUN {_MOUNTS} \\
    {words([*_FILL, "environment", _RECIPE, "/context/etc"])}
"""


def _slim() -> str:
    return f"""\
# Which part of the lock the golden predictions were replayed with.
FROM environment AS slim
COPY model/ {_MODEL}/
COPY slim.json /context/
RUN {words([*_FILL, "slim", _RECIPE, "/context/slim.json"])}
"""


def _image(wanted: Wanted) -> str:
    config = wanted.config
    return f"""\
FROM ${{BASE}}
COPY --from=environment /context/etc/ /etc/
COPY --from=environment {_GATEWAY} {_GATEWAY}
COPY --from=environment {absolute(ENVIRONMENT)} {absolute(ENVIRONMENT)}
COPY --from={"slim" if wanted.slim else "environment"} {_HOME} {_HOME}
ENV PATH={_GATEWAY}/bin:${{PATH:-/usr/local/bin:/usr/bin:/bin}}
ENV {pairs(_variables(config))}
LABEL {pairs(config["Labels"])}
WORKDIR {config["WorkingDir"]}
EXPOSE {" ".join(port.removesuffix("/tcp") for port in config["ExposedPorts"])}
USER {config["User"]}
HEALTHCHECK {_health(config["Healthcheck"])}
ENTRYPOINT {words(config["Entrypoint"])}
CMD {words(config["Cmd"])}
COPY model/ {_MODEL}/
"""


def _variables(config: Mapping[str, Any]) -> dict[str, str]:
    """As in any image; but the base's PATH is not known here."""
    found = dict(pair.split("=", 1) for pair in config["Env"])
    return {name: found[name] for name in found.keys() - {"PATH"}}


def _health(check: Mapping[str, Any]) -> str:
    times = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}
    flags = [f"--{flag}={check[name] // 10**9}s" for flag, name in times.items()]
    flags.append(f"--retries={check['Retries']}")
    return " ".join([*flags, "CMD", words(check["Test"][1:])])


def _minor(version: str) -> str:
    """The minor release; a seal's words, which become an argument."""
    minor = ".".join(version.split(".")[:2])
    if not _MINOR.fullmatch(minor):
        raise InputError(f"the seal's Python is {quoted(version)}, which names no release")
    return minor
