"""An open model behind OpenAI's API, on Modal: vLLM on as many GPUs as the model needs.

    pip install modal && modal setup
    modal secret create infer-llm VLLM_API_KEY=$(openssl rand -hex 24)
    modal deploy llm.py

Then, from a program: infer::text("modal:WORKSPACE/infer-llm/serve"). The README beside this file
and docs/guides/modal.md tell the rest. What is set by the environment is read when the app is
deployed, and is the same in its containers.
"""

import os
import subprocess

import modal

# Whatever vLLM can serve (https://docs.vllm.ai, supported models).
MODEL = os.environ.get("INFER_MODEL", "Qwen/Qwen3-8B")
# A revision of the weights, so that the model does not change under a running program.
REVISION = os.environ.get("INFER_REVISION", "main")
# One machine may hold up to eight. vLLM cuts every layer into as many pieces (tensor parallelism),
# so that a model that is too large for one of them is answered by all of them together.
GPU = os.environ.get("INFER_GPU", "H100")
GPUS = int(os.environ.get("INFER_GPUS", "2"))
# Tokens of prompt and answer together.
CONTEXT = int(os.environ.get("INFER_CONTEXT", "32768"))
# How the model writes calls of tools; this one is that of Qwen's models.
TOOL_PARSER = os.environ.get("INFER_TOOL_PARSER", "hermes")
VLLM = os.environ.get("INFER_VLLM", "0.21.0")

PORT = 8000
MINUTES = 60  # seconds

# What the lines above made of the environment goes into the image: in a container this file is read
# anew, and must come to the same.
SETTINGS = {
    "INFER_MODEL": MODEL,
    "INFER_REVISION": REVISION,
    "INFER_GPU": GPU,
    "INFER_GPUS": str(GPUS),
    "INFER_CONTEXT": str(CONTEXT),
    "INFER_TOOL_PARSER": TOOL_PARSER,
    "INFER_VLLM": VLLM,
}

image = (
    modal.Image.debian_slim(python_version="3.12")
    .pip_install(f"vllm=={VLLM}")
    .env(SETTINGS)
)

# Weights are fetched once, compiled kernels made once; a container that starts finds both.
weights = modal.Volume.from_name("infer-llm-weights", create_if_missing=True)
kernels = modal.Volume.from_name("infer-llm-kernels", create_if_missing=True)

app = modal.App("infer-llm")


@app.function(
    image=image,
    gpu=f"{GPU}:{GPUS}",
    # With nobody asking, the GPUs are given back after this time: nothing runs, nothing costs.
    scaledown_window=5 * MINUTES,
    # Of one request, from its start to its last token.
    timeout=60 * MINUTES,
    volumes={"/root/.cache/huggingface": weights, "/root/.cache/vllm": kernels},
    # VLLM_API_KEY, the bearer that vLLM asks for; HF_TOKEN may be in it for weights behind a login.
    secrets=[modal.Secret.from_name("infer-llm")],
)
# vLLM answers many requests at a time; beyond this number another container starts.
@modal.concurrent(max_inputs=64)
# The proxy auth token keeps strangers from starting GPUs: the bearer is looked at by vLLM, which
# has to run for that.
@modal.web_server(port=PORT, startup_timeout=20 * MINUTES, requires_proxy_auth=True)
def serve():
    # VLLM_API_KEY is read by vLLM itself: in its environment, not in a list of processes.
    subprocess.Popen(
        [
            "vllm",
            "serve",
            MODEL,
            "--revision",
            REVISION,
            "--host",
            "0.0.0.0",
            "--port",
            str(PORT),
            "--tensor-parallel-size",
            str(GPUS),
            "--max-model-len",
            str(CONTEXT),
            "--enable-auto-tool-choice",
            "--tool-call-parser",
            TOOL_PARSER,
        ]
    )
