"""The one file that patches MLflow.

MLflow loads `HoldfastContext` (an entry point of its plugin group `mlflow.run_context_provider`)
while it is imported. Loading it arms the hook: when `mlflow.utils.environment` and
`mlflow.models.model` come to be imported, a few of their functions are wrapped. Every flavor and
autolog passes through these, however it imported them, since MLflow calls them by their global
names:

- `environment._infer_requirements`: what a model needs. We answer from the lock, and MLflow's slow
  capture of modules never runs; where we cannot, it does.
- `environment.infer_pip_requirements`: asks the former; the user's `uv_project_path`, `uv_extras`
  and `uv_groups` are ours to hear.
- `environment._validate_version_constraints`: runs pip, which a uv environment has not, to see
  whether what we pin and what the user wants go together.
- `environment._parse_pip_requirements`: the user's own words, `pip_requirements` (they override)
  or `extra_pip_requirements` (they add).
- `environment.warn_dependency_requirement_mismatches`: our pins are what is installed, so there is
  nothing to warn of, and looking at hundreds of packages takes a tenth of a second.
- `environment._PythonEnv.to_yaml`: the last file that a flavor writes. Then the model is whole, and
  is sealed.
- `Model.save`: what is saved is known, and may yet be told of code that goes along. `MLmodel` is
  sometimes written once more after the seal; its digest is renewed.
- `models.set_signature`, `models.update_model_requirements`, `WheeledModel.save_model`: they change
  what is sealed already; see amend.py.
- `uv_utils.detect_uv_project`: MLflow's own uv support (3.11 on) stands back: one of the two
  seals, never both.
- `pyfunc.load_model`: where a sealed model is loaded in another environment than its own, one
  warning says so in the place of MLflow's two: `pyfunc._get_pip_requirements_from_model_path` (the
  model is here now, and MLflow is about to compare) and
  `pyfunc._warn_potentially_incompatible_py_version_if_necessary`.
- `fluent._register_model`: a version in the registry, made at log time or later, is tagged with the
  seal that it was made with.

Nothing is imported here that `import mlflow` has not imported already.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from mlflow.tracking.context.abstract_context import RunContextProvider


class HoldfastContext(RunContextProvider):  # type: ignore[misc]
    """Adds nothing to a run; it exists so that MLflow imports this file."""

    def in_context(self) -> bool:
        """Never: there are no tags to add."""
        return False

    def tags(self) -> dict[str, str]:
        """No tags."""
        return {}


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace `owner.name` by a call of `around(original, *args, **kwargs)`, once.

    A name that this MLflow does not have is left alone.
    """
    original = getattr(owner, name, None)
    if original is None or hasattr(original, "__holdfast__"):
        return

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    wrapped.__holdfast__ = True  # type: ignore[attr-defined]
    setattr(owner, name, wrapped)


@functools.cache
def _session() -> ModuleType | None:
    """What does the work; None where it cannot be imported: then models are logged, unsealed."""
    try:
        from holdfast.capture import session
    except Exception:
        said = "holdfast: models are not sealed: it cannot be imported"
        logging.getLogger("holdfast").warning(said, exc_info=True)
        return None
    return session


def _infer_for_user(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    session = _session()
    if session is None or not session.is_on():
        return original(*args, **kwargs)
    extras, groups = kwargs.pop("uv_extras", None), kwargs.pop("uv_groups", None)
    with session.asked_for(extras or (), groups or (), kwargs.get("uv_project_dir")):
        return original(*args, **kwargs)


def _infer(original: Callable[..., Any], model_uri: Any, *args: Any, **kwargs: Any) -> Any:
    session = _session()
    found = session.requirements_for(model_uri) if session else None
    return original(model_uri, *args, **kwargs) if found is None else found


def _validate(original: Callable[..., Any], requirements: Any, *args: Any, **kwargs: Any) -> Any:
    session = _session()
    if session and session.is_on() and session.agree(requirements):
        return None
    return original(requirements, *args, **kwargs)


def _parse(original: Callable[..., Any], pip_requirements: Any, *args: Any, **kwargs: Any) -> Any:
    parsed = original(pip_requirements, *args, **kwargs)
    if session := _session():
        session.remember_words(*parsed)
    return parsed


def _warn(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    session = _session()
    return None if session and session.pins_are_installed() else original(*args, **kwargs)


def _after_last_file(original: Callable[..., Any], env: Any, path: Any, *args: Any) -> Any:
    result = original(env, path, *args)
    if session := _session():
        session.seal_saved_model(Path(path).parent)
    return result


def _around_mlmodel(original: Callable[..., Any], model: Any, path: Any, *args: Any) -> Any:
    session, amend, folder = _session(), _amend(), Path(path).parent
    as_sealed = amend.mlmodel_as_sealed(folder) if amend else False
    result = original(model, path, *args)
    if session:
        session.mlmodel_written(folder, model, as_sealed=as_sealed)
    return result


def _amend() -> ModuleType | None:
    """What keeps a seal true when its model is changed; None where models are not sealed."""
    session = _session()
    if session is None or not session.is_on():
        return None
    from holdfast.capture import amend

    return amend


def _set_signature(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    amend = _amend()
    if amend is None:
        return original(*args, **kwargs)
    with amend.new_mlmodel(str(kwargs.get("model_uri", *args[:1]))):
        return original(*args, **kwargs)


def _update_requirements(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    amend = _amend()
    if amend is None:
        return original(*args, **kwargs)
    with amend.new_requirements(str(kwargs.get("model_uri", *args[:1]))):
        return original(*args, **kwargs)


def _add_wheels(
    original: Callable[..., Any], wheeled: Any, path: Any, *args: Any, **kwargs: Any
) -> Any:
    result = original(wheeled, path, *args, **kwargs)
    if amend := _amend():
        amend.wheels_added(Path(path))
    return result


def _detect_uv(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    session = _session()
    return None if session and session.is_on() else original(*args, **kwargs)


class _Loading(threading.local):
    """What each thread is loading: the model's URI, and whether we have compared environments."""

    uri: str | None = None
    compared = False


_loading = _Loading()


def _load(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    before = _loading.uri, _loading.compared
    _loading.uri, _loading.compared = str(kwargs.get("model_uri", *args[:1])), False
    try:
        return original(*args, **kwargs)
    finally:
        _loading.uri, _loading.compared = before


def _compare(original: Callable[..., Any], path: Any, *args: Any, **kwargs: Any) -> Any:
    """No requirements for MLflow to compare, where a seal has said what there is to say."""
    if _loading.uri is not None:
        try:
            from holdfast.capture.loading import warn_of_differences
        except Exception:
            logging.getLogger("holdfast").debug("holdfast: not compared", exc_info=True)
        else:
            _loading.compared = warn_of_differences(_loading.uri, Path(path))
    return [] if _loading.compared else original(path, *args, **kwargs)


def _compare_python(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return None if _loading.compared else original(*args, **kwargs)


def _register(original: Callable[..., Any], model_uri: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        from holdfast.capture.registering import seal_tags

        tags = seal_tags(str(model_uri), kwargs.get("local_model_path"))
    except Exception:
        logging.getLogger("holdfast").debug("holdfast: not tagged", exc_info=True)
        tags = {}
    if tags:
        kwargs["tags"] = {**(kwargs.get("tags") or {}), **tags}
    return original(model_uri, *args, **kwargs)


def _patch_environment(module: ModuleType) -> None:
    _wrap(module, "infer_pip_requirements", _infer_for_user)
    _wrap(module, "_infer_requirements", _infer)
    _wrap(module, "_validate_version_constraints", _validate)
    _wrap(module, "_parse_pip_requirements", _parse)
    _wrap(module, "detect_uv_project", _detect_uv)
    _wrap(module, "warn_dependency_requirement_mismatches", _warn)
    _wrap(
        module._PythonEnv,  # noqa: SLF001 - what MLflow gives us to stand at is private
        "to_yaml",
        _after_last_file,
    )


def _patch_model(module: ModuleType) -> None:
    _wrap(module.Model, "save", _around_mlmodel)
    _wrap(module, "update_model_requirements", _update_requirements)


def _patch_signature(module: ModuleType) -> None:
    _wrap(module, "set_signature", _set_signature)


def _patch_wheeled(module: ModuleType) -> None:
    _wrap(module.WheeledModel, "save_model", _add_wheels)


def _patch_uv_utils(module: ModuleType) -> None:
    _wrap(module, "detect_uv_project", _detect_uv)


def _patch_registry(module: ModuleType) -> None:
    _wrap(module, "_register_model", _register)


def _patch_pyfunc(module: ModuleType) -> None:
    _wrap(module, "load_model", _load)
    _wrap(module, "_get_pip_requirements_from_model_path", _compare)
    _wrap(module, "_warn_potentially_incompatible_py_version_if_necessary", _compare_python)


_PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "mlflow.utils.uv_utils": _patch_uv_utils,
    "mlflow.utils.environment": _patch_environment,
    "mlflow.models.model": _patch_model,
    "mlflow.models.signature": _patch_signature,
    "mlflow.models.wheeled_model": _patch_wheeled,
    "mlflow.pyfunc": _patch_pyfunc,
    "mlflow.tracking._model_registry.fluent": _patch_registry,
}


class _PatchedLoader(Loader):
    """A module's own loader, and a patch when it is done."""

    def __init__(self, loader: Any, patch: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._patch(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder(MetaPathFinder):
    """Finds the modules of `_PATCHES` as Python would, with a loader that patches them.

    Some MLflow versions are half-way through importing one of them when we come in: it is patched
    when the next module is looked for after it is whole.
    """

    def __init__(self) -> None:
        self._begun = [name for name in _PATCHES if name in sys.modules]

    def patch_begun(self) -> None:
        """Patch what was begun before us, as far as it is whole by now."""
        begun, self._begun = self._begun, []
        for name in begun:
            module = sys.modules.get(name)
            if getattr(getattr(module, "__spec__", None), "_initializing", False):
                self._begun.append(name)
            elif module is not None:
                _PATCHES[name](module)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if self._begun:
            self.patch_begun()
        if fullname not in _PATCHES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _PatchedLoader(spec.loader, _PATCHES[fullname])
        return spec


def arm() -> None:
    """Patch what is imported already, and the rest when it comes."""
    finder = _Finder()
    finder.patch_begun()
    sys.meta_path.insert(0, finder)


arm()
