"""Runs the apps of examples/modal with a stand-in for the package modal: only what its reference
documents is there, with these parameters (modal.com/docs/reference, SDK 1.5). No network."""

import pathlib
import runpy
import subprocess
import sys
import types

FUNCTION = {"image", "gpu", "cpu", "memory", "scaledown_window", "timeout", "volumes", "secrets",
            "min_containers", "max_containers", "region"}
DOCUMENTED = {
    "concurrent": {"max_inputs", "target_inputs"},
    "web_server": {"port", "startup_timeout", "label", "custom_domains", "requires_proxy_auth"},
    "fastapi_endpoint": {"method", "label", "custom_domains", "docs", "requires_proxy_auth"},
    "enter": {"snap"},
}
found = []


def check(name, allowed, given):
    unknown = set(given) - allowed
    assert not unknown, f"{name} has no parameter {sorted(unknown)}"


def decorator(name, allowed):
    def make(**given):
        check(name, allowed, given)

        def decorate(what):
            found.append((name, getattr(what, "__name__", "?"), given))
            return what

        return decorate

    return make


class Image:
    @staticmethod
    def debian_slim(python_version=None):
        return Image()

    def pip_install(self, *packages):
        assert packages and all(isinstance(one, str) for one in packages)
        return self

    def env(self, variables):
        assert all(isinstance(v, str) for pair in variables.items() for v in pair), variables
        return self


class Named:
    def __init__(self, name):
        self.name = name

    @classmethod
    def from_name(cls, name, create_if_missing=False):
        return cls(name)


class App:
    def __init__(self, name):
        self.name = name
        self.function = decorator("function", FUNCTION)
        self.cls = decorator("cls", FUNCTION)


def stand_in():
    module = types.ModuleType("modal")
    module.Image, module.App = Image, App
    module.Volume, module.Secret = type("Volume", (Named,), {}), type("Secret", (Named,), {})
    for name, allowed in DOCUMENTED.items():
        setattr(module, name, decorator(name, allowed))
    return module


def load(path):
    found.clear()
    sys.modules["modal"] = stand_in()
    return runpy.run_path(str(path))


def by_name(name):
    return [given for kind, _, given in found if kind == name]


def check_llm(path):
    app = load(path)
    assert app["app"].name == "infer-llm"
    (function,) = by_name("function")
    assert function["gpu"] == f"{app['GPU']}:{app['GPUS']}"
    assert [s.name for s in function["secrets"]] == ["infer-llm"]
    (server,) = by_name("web_server")
    assert server["requires_proxy_auth"] is True
    started = []
    real, subprocess.Popen = subprocess.Popen, lambda line: started.append(line)
    try:
        app["serve"]()
    finally:
        subprocess.Popen = real
    (line,) = started
    assert line[:3] == ["vllm", "serve", app["MODEL"]]
    options = dict(zip(line, line[1:]))
    assert options["--tensor-parallel-size"] == str(app["GPUS"])
    assert options["--port"] == str(server["port"])
    assert all(isinstance(word, str) for word in line)


def check_functions(path):
    app = load(path)
    assert app["app"].name == "infer-functions"
    endpoints = by_name("fastapi_endpoint")
    assert [e["method"] for e in endpoints] == ["POST", "POST"]
    assert all(e["requires_proxy_auth"] for e in endpoints)

    class Model:
        def encode(self, inputs, normalize_embeddings):
            return [[0.5, 1] for _ in inputs]

    embedder = app["Embedder"]()
    embedder.model = Model()
    assert embedder.embed({"inputs": ["a", "b"]}) == {"embeddings": [[0.5, 1.0], [0.5, 1.0]]}


def main():
    folder = pathlib.Path(sys.argv[1])
    sys.dont_write_bytecode = True
    check_llm(folder / "llm.py")
    check_functions(folder / "functions.py")


if __name__ == "__main__":
    main()
