"""Knowledge distillation: a large teacher, a small student, soft targets with a temperature."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

rng = np.random.default_rng(403)
x = rng.normal(size=(80, 8)).astype("float32")
y = np.argmax(x[:, :4] + 0.3 * x[:, 4:], axis=1)


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(
        self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3
    ):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False, training=True
    ):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1),
            ops.softmax(y_pred / self.temperature, axis=1),
        ) * (self.temperature**2)
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x):
        return self.student(x)


def network(width, name):
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(width, activation="relu"), layers.Dense(4)], name=name
    )


teacher, student, alone = (
    network(width, name) for width, name in ((32, "teacher"), (6, "student"), (6, "alone"))
)
equal_weights(teacher)
equal_weights(student)
alone.set_weights(student.get_weights())
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
metrics = [keras.metrics.SparseCategoricalAccuracy()]
teacher.compile(keras.optimizers.Adam(1e-2), loss, metrics=metrics)
taught = teacher.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
kept = teacher.get_weights()

distiller = Distiller(student=student, teacher=teacher)
distiller.teacher.trainable = False
distiller.compile(
    optimizer=keras.optimizers.Adam(5e-3),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
    student_loss_fn=loss,
    distillation_loss_fn=keras.losses.KLDivergence(),
    alpha=0.1,
    temperature=3,
)
distilled = distiller.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
alone.compile(
    keras.optimizers.Adam(5e-3), loss, metrics=[keras.metrics.SparseCategoricalAccuracy()]
)
rival = alone.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
result = {
    **{f"teacher {k}": v for k, v in taught.history.items()},
    **{f"distilled {k}": v for k, v in distilled.history.items()},
    **{f"alone {k}": v for k, v in rival.history.items()},
    "kept": [np.array_equal(a, b) for a, b in zip(kept, teacher.get_weights(), strict=True)],
    "student": student.predict(x, verbose=0),
    "test": distiller.evaluate(x, y, verbose=0),
}
saved = {"student": (student, x), "teacher": (teacher, x, y), "alone": (alone, x, y)}


def step():
    distiller.train_on_batch(x[:8], y[:8])
