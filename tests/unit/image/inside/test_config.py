from __future__ import annotations

from holdfast.image.inside.config import image_config


def _variables(config) -> dict[str, str]:
    return dict(text.split("=", 1) for text in config["Env"])


def test_it_serves_as_a_user_who_owns_nothing():
    config = image_config({}, {"b": "2", "a": "1"})
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/holdfast/gateway/bin/holdfast"]
    assert config["Cmd"] == ["serve", "--port", "8000"]
    assert list(config["ExposedPorts"]) == ["8000/tcp", "8080/tcp"]
    assert list(config["Labels"].items()) == [("a", "1"), ("b", "2")]
    variables = _variables(config)
    assert variables["HOLDFAST_SERVE_PORT"] == "8080"
    assert variables["HOLDFAST_OFFLINE"] == "1"
    assert "HOLDFAST_SLIM" not in variables


def test_the_bases_variables_stay_less_those_of_another_python():
    base = {
        "Env": [
            *("LANG=C.UTF-8", "PATH=/opt/x/bin:/bin", "PYTHONPATH=/evil", "HOME=/root", "odd"),
            *("HOLDFAST_SLIM=1", "HOLDFAST_STRICT=1"),
        ],
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", "true"],
        "User": "0",
        "Volumes": {"/data": {}},
        "Labels": {"org.opencontainers.image.title": "base"},
    }
    config = image_config(base, {})
    variables = _variables(config)
    assert variables["LANG"] == "C.UTF-8"
    assert variables["PATH"] == "/holdfast/gateway/bin:/opt/x/bin:/bin"
    assert variables["HOME"] != "/root"
    assert not {"PYTHONPATH", "odd", "HOLDFAST_SLIM", "HOLDFAST_STRICT"} & variables.keys()
    assert config["User"] == "65532:65532"
    assert config["Labels"] == {}
    assert "Volumes" not in config


def test_a_slim_image_says_so_to_every_command():
    variables = _variables(image_config({}, {}, slim=True, slim_include=["shap", "arrow"]))
    assert variables["HOLDFAST_SLIM"] == "1"
    assert variables["HOLDFAST_SLIM_INCLUDE"] == "arrow,shap"


def test_the_same_for_the_same():
    base = {"Env": ["B=1", "A=2"]}
    assert image_config(base, {}) == image_config({"Env": ["A=2", "B=1"]}, {})
