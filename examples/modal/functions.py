"""Two functions with a JSON of their own, on Modal: vectors from texts, and a picture from words.

    modal deploy functions.py

infer::JsonFunction says how a request is written and an answer is read; the README beside this file
has both mappings.
"""

import base64
import io

import modal

MINUTES = 60  # seconds
EMBEDDER = "BAAI/bge-small-en-v1.5"
PAINTER = "stabilityai/sdxl-turbo"

web = modal.Image.debian_slim(python_version="3.12").pip_install("fastapi[standard]")
embedder_image = web.pip_install("sentence-transformers")
painter_image = web.pip_install("torch", "diffusers", "transformers", "accelerate")
weights = modal.Volume.from_name("infer-functions-weights", create_if_missing=True)
CACHE = {"/root/.cache/huggingface": weights}

app = modal.App("infer-functions")


@app.cls(image=embedder_image, volumes=CACHE, cpu=4.0, scaledown_window=5 * MINUTES)
class Embedder:
    @modal.enter()
    def load(self):
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(EMBEDDER)

    # {"inputs": ["a", "b"]} -> {"embeddings": [[...], [...]]}
    @modal.fastapi_endpoint(method="POST", requires_proxy_auth=True)
    def embed(self, request: dict):
        rows = self.model.encode(request["inputs"], normalize_embeddings=True)
        return {"embeddings": [[float(value) for value in row] for row in rows]}


@app.cls(
    image=painter_image, volumes=CACHE, gpu="L40S", scaledown_window=5 * MINUTES, timeout=10 * MINUTES
)
class Painter:
    @modal.enter()
    def load(self):
        import torch
        from diffusers import AutoPipelineForText2Image

        self.pipe = AutoPipelineForText2Image.from_pretrained(
            PAINTER, torch_dtype=torch.float16, variant="fp16"
        ).to("cuda")

    # {"prompt": "...", "n": 1, "width": 512, "height": 512, "seed": 7} -> {"images": ["base64"]}
    @modal.fastapi_endpoint(method="POST", requires_proxy_auth=True)
    def draw(self, request: dict):
        import torch

        seed = request.get("seed")
        pictures = self.pipe(
            request["prompt"],
            num_images_per_prompt=request.get("n", 1),
            width=request.get("width", 512),
            height=request.get("height", 512),
            num_inference_steps=request.get("steps", 4),
            guidance_scale=0.0,
            generator=None if seed is None else torch.Generator("cuda").manual_seed(seed),
        ).images
        images = []
        for picture in pictures:
            file = io.BytesIO()
            picture.save(file, format="PNG")
            images.append(base64.b64encode(file.getvalue()).decode("ascii"))
        return {"images": images}
