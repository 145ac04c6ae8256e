"""A graph network: messages along edges by gathers and segment sums; classes of nodes."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

NODES, CLASSES = 40, 3
rng = np.random.default_rng(310)
labels = rng.integers(0, CLASSES, NODES)
features = np.eye(CLASSES)[labels] + rng.normal(0, 0.8, (NODES, CLASSES))
features = np.concatenate([features, rng.normal(size=(NODES, 3))], axis=1).astype("float32")
pairs = [
    (i, j)
    for i in range(NODES)
    for j in range(NODES)
    if i != j and rng.random() < (0.2 if labels[i] == labels[j] else 0.03)
]
edges = np.array(pairs, "int32").T
edge_weights = rng.uniform(0.5, 1.0, edges.shape[1]).astype("float32")


def create_ffn(hidden_units, name=None):
    fnn_layers = []
    for units in hidden_units:
        fnn_layers += [
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(units, activation="gelu"),
        ]
    return keras.Sequential(fnn_layers, name=name)


class GraphConvLayer(layers.Layer):
    def __init__(self, hidden_units, aggregation_type="mean", normalize=False, **kwargs):
        super().__init__(**kwargs)
        self.aggregation_type, self.normalize = aggregation_type, normalize
        self.ffn_prepare = create_ffn(hidden_units)
        self.update_fn = create_ffn(hidden_units)

    def aggregate(self, node_indices, messages, num_nodes):
        if self.aggregation_type == "max":
            largest = ops.segment_max(messages, node_indices, num_segments=num_nodes)
            return ops.where(ops.isfinite(largest) & (largest > -1e30), largest, 0.0)
        total = ops.segment_sum(messages, node_indices, num_segments=num_nodes)
        if self.aggregation_type == "sum":
            return total
        ones = ops.ones_like(messages[:, :1])
        return total / ops.maximum(ops.segment_sum(ones, node_indices, num_segments=num_nodes), 1.0)

    def call(self, inputs, training=False):
        node_repesentations, edges, edge_weights = inputs
        node_indices, neighbour_indices = edges[0], edges[1]
        neighbours = ops.take(node_repesentations, neighbour_indices, axis=0)
        messages = self.ffn_prepare(neighbours, training=training) * ops.expand_dims(
            edge_weights, -1
        )
        gathered = self.aggregate(node_indices, messages, node_repesentations.shape[0])
        updated = self.update_fn(
            ops.concatenate([node_repesentations, gathered], axis=1), training=training
        )
        if self.normalize:
            updated = updated / ops.maximum(ops.norm(updated, axis=-1, keepdims=True), 1e-6)
        return updated


class GNNNodeClassifier(keras.Model):
    def __init__(self, graph_info, num_classes, hidden_units, **kwargs):
        super().__init__(**kwargs)
        node_features, edges, edge_weights = graph_info
        self.node_features = ops.convert_to_tensor(node_features)
        self.edges = ops.convert_to_tensor(edges)
        self.edge_weights = edge_weights / ops.sum(edge_weights)
        self.preprocess = create_ffn(hidden_units, name="preprocess")
        self.conv1 = GraphConvLayer(hidden_units, "mean", normalize=True, name="graph_conv1")
        self.conv2 = GraphConvLayer(hidden_units, "max", name="graph_conv2")
        self.postprocess = create_ffn(hidden_units, name="postprocess")
        self.compute_logits = layers.Dense(units=num_classes, name="logits")

    def call(self, input_node_indices, training=False):
        x = self.preprocess(self.node_features, training=training)
        x = self.conv1((x, self.edges, self.edge_weights), training=training) + x
        x = self.conv2((x, self.edges, self.edge_weights), training=training) + x
        x = self.postprocess(x, training=training)
        node_embeddings = ops.take(x, input_node_indices, axis=0)
        return self.compute_logits(node_embeddings)


model = GNNNodeClassifier((features, edges, edge_weights), CLASSES, [8], name="gnn")
ids = np.arange(NODES)
model(ids[:4])
equal_weights(model)
model.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
history = model.fit(
    ids[:32],
    labels[:32],
    epochs=10,
    batch_size=8,
    shuffle=False,
    verbose=0,
    validation_data=(ids[32:], labels[32:]),
)
result = {
    **history.history,
    "logits": model.predict(ids, verbose=0),
    "edges": edges.shape[1],
    "parameters": model.count_params(),
}
saved = {"gnn": (model, None), "preprocess": (model.preprocess, features)}


def go_on(models):
    return model.fit(ids, labels, epochs=1, batch_size=8, shuffle=False, verbose=0).history


def step():
    model.fit(ids[:32], labels[:32], epochs=1, batch_size=32, shuffle=False, verbose=0)


remark = "Keras loses the `training` of `fit` where layers do not hand it on; here all do"
