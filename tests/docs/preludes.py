"""What a reader of a page has at hand when its first block of code begins, page by page.

Pages that are complete programs have no entry.
"""

MODEL = """
import numpy as np
import jkeras
x = np.random.default_rng(0).normal(size=(256, 784)).astype("float32")
y = np.arange(256) % 10
layers = [jkeras.Input((784,)), jkeras.layers.Dense(10, activation="softmax")]
model = jkeras.Sequential(layers, seed=0)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""

PRELUDES = {
    "docs/saving.md": MODEL + "\nfrom jkeras.callbacks import EarlyStopping, ReduceLROnPlateau\n",
    "docs/speed.md": MODEL,
    "docs/how_a_fit_travels.md": MODEL,
    "docs/design.md": """
import jax, jax.numpy as jnp
import jkeras
layer, key = jkeras.layers.Dense(2), jax.random.key(0)
specs = [jax.ShapeDtypeStruct((1, 3), jnp.float32)]
inputs = [jnp.ones((5, 3))]
""",
    "docs/deploy.md": """
import jax
import numpy as np
import jkeras
images = many_images = x = np.zeros((5, 28, 28), "float32")
layers = [jkeras.layers.Flatten(), jkeras.layers.Dense(10)]
net = jkeras.models.Chain(layers)
params, state = net.init(jax.random.key(0), images)
model = jkeras.Sequential([jkeras.Input((28, 28), name="image"), *layers], seed=0)
model.export("m.onnx", verbose=False)
other = jkeras.Sequential([jkeras.Input((28, 28), name="input"), *layers], seed=0)
for ending in ("stablehlo", "onnx", "tflite"):
    other.export(f"model.{ending}", verbose=False, verify=False)
""",
    "docs/beside_others.md": """
import numpy as np
import pandas as pd
import jkeras
random = np.random.default_rng(0)
sex, age = random.choice(["female", "male"], 160), random.normal(30, 12, 160).clip(1)
frame = pd.DataFrame({
    "age": np.where(random.random(160) < 0.2, np.nan, age),
    "fare": random.gamma(2, 15, 160),
    "sex": sex,
    "port": random.choice(["Cherbourg", "Queenstown", "Southampton"], 160),
})
labels = np.where(random.random(160) < 0.15 + 0.6 * (sex == "female"), "yes", "no")
train, test = np.arange(120), np.arange(120, 160)
(x_train, y_train), (x_test, y_test) = jkeras.datasets.mnist.load_sample()
x_train, x_test = x_train[..., None], x_test[..., None]
x = random.normal(size=(320, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)

def network(library):
    return library.Sequential([library.Input((4,)), library.layers.Dense(1)])
""",
}
"""Code that runs before the first block of a page."""
