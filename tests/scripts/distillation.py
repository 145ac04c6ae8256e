"""Knowledge distillation: `compile` takes more, and the teacher inside is not trained."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

random = np.random.default_rng(42)
x = random.normal(size=(64, 5)).astype("float32")
y = random.integers(0, 3, 64)


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

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
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
        [keras.Input((5,)), layers.Dense(width, "relu"), layers.Dense(3)], name=name
    )


teacher, student = network(12, "teacher"), network(4, "student")
equal_weights(teacher, student)
teacher.trainable = False
before = teacher.get_weights()
distiller = Distiller(student=student, teacher=teacher)
distiller.compile(
    optimizer=keras.optimizers.Adam(0.01),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
    student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    distillation_loss_fn=keras.losses.KLDivergence(),
    alpha=0.1,
    temperature=10,
)
history = distiller.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
evaluated = distiller.evaluate(x, y, verbose=0, return_dict=True)
result = {
    **history.history,
    **{f"evaluated_{name}": value for name, value in evaluated.items()},
    "student": student.predict(x, verbose=0),
    "teacher_moved": [
        float(max(abs(a - b).max() for a, b in zip(before, teacher.get_weights(), strict=True)))
    ],
}
