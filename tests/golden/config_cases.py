"""Objects whose configurations are compared with Keras's, as expressions that both libraries read.

`ROOMS` has, for each door, expressions over the names `layers`, `losses`, … of either library.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

ROOMS: dict[str, tuple[str, ...]] = {
    "layers": (
        "layers.Activation('tanh')",
        "layers.ActivityRegularization(0.1, 0.2)",
        "layers.AdaptiveAveragePooling1D(3)",
        "layers.AdaptiveAveragePooling2D((2, 3))",
        "layers.AdaptiveAveragePooling3D(2)",
        "layers.AdaptiveMaxPooling1D(3)",
        "layers.AdaptiveMaxPooling2D((2, 3))",
        "layers.AdaptiveMaxPooling3D(2)",
        "layers.Add()",
        "layers.AdditiveAttention(use_scale=False, dropout=0.5)",
        "layers.AlphaDropout(0.5, noise_shape=(None, 1), seed=3)",
        "layers.Attention(use_scale=True, score_mode='concat', dropout=0.5, seed=1)",
        "layers.Average()",
        "layers.AveragePooling1D(2, padding='same')",
        "layers.AveragePooling2D(2, 1)",
        "layers.AveragePooling3D(2, data_format='channels_first')",
        "layers.BatchNormalization(axis=1, momentum=0.9, center=False)",
        "layers.BatchNormalization(renorm=True, renorm_clipping={'rmax': 2.0, 'dmax': 3.0})",
        "layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode='mul')",
        "layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3, go_backwards=True))",
        "layers.CategoryEncoding(5, output_mode='count')",
        "layers.CenterCrop(2, 3)",
        "layers.Concatenate(axis=1)",
        "layers.Conv1D(3, 2, padding='causal', activation='tanh')",
        "layers.Conv1DTranspose(3, 2, strides=2, activation='tanh')",
        "layers.Conv2D(4, (2, 3), groups=2, padding='same', kernel_regularizer='l2', name='c')",
        "layers.Conv2DTranspose(1, 3, strides=2, padding='same', output_padding=1)",
        "layers.Conv3D(2, 2, data_format='channels_first', activity_regularizer='l1')",
        "layers.Conv3DTranspose(2, 2, data_format='channels_first')",
        "layers.ConvLSTM1D(2, 2, strides=2, dropout=0.5)",
        "layers.ConvLSTM2D(2, 2, padding='same', recurrent_dropout=0.5, return_sequences=True)",
        "layers.ConvLSTM3D(1, 2, data_format='channels_first', dropout=0.5)",
        "layers.Cropping1D((2, 0))",
        "layers.Cropping2D(1)",
        "layers.Cropping3D(((0, 1), (1, 1), (2, 0)))",
        "layers.Dense(3)",
        "layers.Dense(3, activation='tanh', kernel_constraint='max_norm', bias_initializer='ones')",
        "layers.Dense(3, activation=layers.LeakyReLU(0.1), dtype='bfloat16')",
        "layers.Dense(3, kernel_initializer=initializers.HeNormal(seed=1), use_bias=False)",
        "layers.DepthwiseConv1D(2, strides=2, activation='tanh')",
        "layers.DepthwiseConv2D(2, depth_multiplier=2, padding='same')",
        "layers.Discretization([0.0, 1.5], output_mode='one_hot')",
        "layers.Dot(axes=2, normalize=True)",
        "layers.Dropout(0.5, seed=7)",
        "layers.ELU(0.5)",
        "layers.EinsumDense('abc,cde->abde', (None, 3, 2), bias_axes='e')",
        "layers.Embedding(5, 3, embeddings_regularizer='l2')",
        "layers.Flatten(data_format='channels_first')",
        "layers.GRU(3, recurrent_dropout=0.5, return_sequences=True)",
        "layers.GRUCell(3, reset_after=False, dropout=0.5)",
        "layers.GaussianDropout(0.5)",
        "layers.GaussianNoise(0.5, seed=2)",
        "layers.GlobalAveragePooling1D()",
        "layers.GlobalAveragePooling2D(keepdims=True)",
        "layers.GlobalAveragePooling3D()",
        "layers.GlobalMaxPooling1D()",
        "layers.GlobalMaxPooling2D(data_format='channels_first')",
        "layers.GlobalMaxPooling3D()",
        "layers.GroupNormalization(2, axis=1)",
        "layers.GroupQueryAttention(3, 4, 2, dropout=0.5, use_gate=True)",
        "layers.Identity()",
        "layers.InputLayer((4, None), batch_size=2, dtype='int32', name='ids')",
        "layers.LSTM(3, dropout=0.5, return_state=True, stateful=True)",
        "layers.LSTMCell(3, recurrent_dropout=0.5, unit_forget_bias=False)",
        "layers.LayerNormalization((1, 2), epsilon=0.1)",
        "layers.LeakyReLU()",
        "layers.Masking(-1.0)",
        "layers.MaxPooling1D(padding='same')",
        "layers.MaxPooling2D(3, strides=1)",
        "layers.MaxPooling3D()",
        "layers.Maximum()",
        "layers.Minimum()",
        "layers.MultiHeadAttention(2, 3, value_dim=2, dropout=0.5, attention_axes=(1, 2))",
        "layers.MultiHeadAttention(2, 3, output_shape=5, use_bias=False, seed=1)",
        "layers.Multiply()",
        "layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 4.0])",
        "layers.PReLU(alpha_initializer='ones', shared_axes=(1,))",
        "layers.Permute((2, 1))",
        "layers.RMSNormalization(epsilon=0.1)",
        "layers.RNN(layers.GRUCell(3), go_backwards=True, unroll=True)",
        "layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(2)], return_state=True)",
        "layers.ReLU(max_value=1.5, negative_slope=0.1)",
        "layers.RepeatVector(3)",
        "layers.Rescaling([1.0, 2.0], offset=0.5)",
        "layers.Reshape((2, -1))",
        "layers.Resizing(2, 3, interpolation='nearest')",
        "layers.ReversibleEmbedding(5, 3, tie_weights=False)",
        "layers.SeparableConv1D(3, 2, padding='same')",
        "layers.SeparableConv2D(3, 2, depth_multiplier=2)",
        "layers.SimpleRNN(3, dropout=0.5, return_state=True)",
        "layers.SimpleRNNCell(3, dropout=0.5)",
        "layers.Softmax((1, 2))",
        "layers.SpatialDropout1D(0.5)",
        "layers.SpatialDropout2D(0.5, seed=1)",
        "layers.SpatialDropout3D(0.5)",
        "layers.SpectralNormalization(layers.Dense(3), 2)",
        "layers.StackedRNNCells([layers.LSTMCell(3), layers.SimpleRNNCell(2)])",
        "layers.Subtract()",
        "layers.TimeDistributed(layers.Dense(3, activation='relu'))",
        "layers.UnitNormalization(axis=(1, 2))",
        "layers.UpSampling1D(3)",
        "layers.UpSampling2D((2, 3), interpolation='bicubic')",
        "layers.UpSampling3D(data_format='channels_first')",
        "layers.ZeroPadding1D((2, 0))",
        "layers.ZeroPadding2D((1, 2), 'channels_first')",
        "layers.ZeroPadding3D()",
    ),
    "losses": (
        "losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)",
        "losses.BinaryFocalCrossentropy(gamma=1.5, apply_class_balancing=True)",
        "losses.CTC(reduction='sum')",
        "losses.CategoricalCrossentropy(axis=1)",
        "losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3])",
        "losses.CategoricalGeneralizedCrossEntropy(0.7)",
        "losses.CategoricalHinge()",
        "losses.Circle(gamma=2.0, margin=0.3)",
        "losses.CosineSimilarity(axis=1)",
        "losses.Dice(axis=0)",
        "losses.Hinge(reduction=None)",
        "losses.Huber(0.7, name='mine')",
        "losses.KLDivergence()",
        "losses.LogCosh()",
        "losses.MeanAbsoluteError()",
        "losses.MeanAbsolutePercentageError()",
        "losses.MeanSquaredError(reduction='sum')",
        "losses.MeanSquaredLogarithmicError()",
        "losses.Poisson()",
        "losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)",
        "losses.SquaredHinge()",
        "losses.Tversky(0.3, 0.8, axis=-1)",
    ),
    "metrics": (
        "metrics.AUC(5, 'PR', 'minoring', name='area')",
        "metrics.AUC(curve='PR', multi_label=True, num_labels=2, label_weights=[1.0, 2.0])",
        "metrics.AUC(thresholds=[0.1, 0.5])",
        "metrics.Accuracy()",
        "metrics.BinaryAccuracy(threshold=0.2)",
        "metrics.BinaryCrossentropy(from_logits=True)",
        "metrics.BinaryIoU(target_class_ids=[0], threshold=0.3)",
        "metrics.CategoricalAccuracy()",
        "metrics.CategoricalCrossentropy(label_smoothing=0.1)",
        "metrics.CategoricalHinge()",
        "metrics.ConcordanceCorrelation()",
        "metrics.CosineSimilarity(axis=1)",
        "metrics.F1Score('macro', 0.5)",
        "metrics.FBetaScore('micro', 2.0, 0.3)",
        "metrics.FalseNegatives()",
        "metrics.FalsePositives(0.3)",
        "metrics.Hinge()",
        "metrics.IoU(4, [0, 2], ignore_class=1)",
        "metrics.KLDivergence()",
        "metrics.LogCoshError()",
        "metrics.Mean()",
        "metrics.MeanAbsoluteError()",
        "metrics.MeanAbsolutePercentageError()",
        "metrics.MeanIoU(4, sparse_y_pred=False)",
        "metrics.MeanMetricWrapper(losses.huber, name='huber', delta=0.5)",
        "metrics.MeanSquaredError(name='mse')",
        "metrics.MeanSquaredLogarithmicError()",
        "metrics.OneHotIoU(4, [1])",
        "metrics.OneHotMeanIoU(4)",
        "metrics.PearsonCorrelation()",
        "metrics.Poisson()",
        "metrics.Precision([0.1, 0.5], top_k=2)",
        "metrics.PrecisionAtRecall(0.5, class_id=1)",
        "metrics.R2Score('variance_weighted_average')",
        "metrics.Recall(class_id=1)",
        "metrics.RecallAtPrecision(0.5)",
        "metrics.RootMeanSquaredError()",
        "metrics.SensitivityAtSpecificity(0.5, num_thresholds=10)",
        "metrics.SparseCategoricalAccuracy()",
        "metrics.SparseCategoricalCrossentropy(ignore_class=1)",
        "metrics.SparseTopKCategoricalAccuracy(2)",
        "metrics.SpecificityAtSensitivity(0.5)",
        "metrics.SquaredHinge()",
        "metrics.Sum()",
        "metrics.TopKCategoricalAccuracy(2)",
        "metrics.TrueNegatives([0.1, 0.4])",
        "metrics.TruePositives()",
    ),
    "optimizers": (
        "optimizers.Adadelta(1.0, epsilon=0.01)",
        "optimizers.Adafactor(0.1)",
        "optimizers.Adagrad(0.1)",
        "optimizers.Adam(0.1, amsgrad=True, use_ema=True, ema_overwrite_frequency=2)",
        "optimizers.AdamW(0.1)",
        "optimizers.Adamax(0.1, global_clipnorm=2.0)",
        "optimizers.Ftrl(0.1, l1_regularization_strength=0.1)",
        "optimizers.Lamb(0.1, gradient_accumulation_steps=2, weight_decay=0.1)",
        "optimizers.Lion(0.1)",
        "optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(0.1), {'a.*': "
        "optimizers.Adam(0.1)}))",
        "optimizers.Muon(0.1, exclude_layers=['out'], ns_steps=2)",
        "optimizers.Nadam(0.1)",
        "optimizers.RMSprop(0.1, momentum=0.9, centered=True)",
        "optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipvalue=0.5, name='mine')",
        "optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 5), clipnorm=1.0)",
        "optimizers.ScheduleFreeAdamW(0.1, warmup_steps=2)",
    ),
    "optimizers.schedules": (
        "optimizers.schedules.CosineDecay(0.1, 5, warmup_target=0.2, warmup_steps=3)",
        "optimizers.schedules.CosineDecayRestarts(0.1, 5)",
        "optimizers.schedules.ExponentialDecay(0.1, 5, 0.9, staircase=True)",
        "optimizers.schedules.InverseTimeDecay(0.1, 5, 0.9)",
        "optimizers.schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25])",
        "optimizers.schedules.PolynomialDecay(0.1, 5, cycle=True)",
    ),
    "initializers": (
        "initializers.Constant(2.0)",
        "initializers.Constant(numpy.ones((2, 2), 'float32'))",
        "initializers.GlorotNormal()",
        "initializers.GlorotUniform(seed=3)",
        "initializers.HeNormal()",
        "initializers.HeUniform()",
        "initializers.Identity(2.0)",
        "initializers.LecunNormal()",
        "initializers.LecunUniform()",
        "initializers.Ones()",
        "initializers.Orthogonal(2.0, seed=1)",
        "initializers.RandomNormal(1.0, 0.5)",
        "initializers.RandomUniform(-1.0, 1.0)",
        "initializers.STFT('imag', None)",
        "initializers.TruncatedNormal(stddev=0.1)",
        "initializers.VarianceScaling(2.0, 'fan_out', 'uniform')",
        "initializers.Zeros()",
    ),
    "regularizers": (
        "regularizers.L1(0.5)",
        "regularizers.L1L2(0.25, 0.5)",
        "regularizers.L2()",
        "regularizers.OrthogonalRegularizer(0.5, 'columns')",
    ),
    "constraints": (
        "constraints.MaxNorm(3, (0, 1))",
        "constraints.MinMaxNorm(0.5, 2.0, 0.5)",
        "constraints.NonNeg()",
        "constraints.UnitNorm(1)",
    ),
}


def sequential(library: ModuleType) -> Any:
    """A compiled model with a model inside."""
    layers = library.layers
    inner = library.Sequential([layers.Dense(4, activation="relu"), layers.Dropout(0.5)])
    model = library.Sequential(
        [library.Input((3,)), inner, layers.Dense(2, name="out")], name="net"
    )
    model.compile(library.optimizers.SGD(0.5), "mse", metrics=["mae"], weighted_metrics=["acc"])
    return model


def two_ends(library: ModuleType) -> Any:
    """Two inputs, a shared layer, operators, a model inside, outputs by name."""
    layers = library.layers
    a, b = library.Input((4,), name="a"), library.Input((4,), name="b")
    shared = layers.Dense(4, activation="relu")
    x, y = shared(a), shared(b)
    mixed = x + y * 2.0
    x0 = library.Input((4,), name="x0")
    inner = library.Model(x0, layers.Dense(3, name="out")(x0), name="inner")
    outputs = {"mixed": mixed[:, 1:3], "both": layers.Concatenate()([x, y]), "told": inner(b)}
    return library.Model([a, b], outputs, name="net")


def sequences(library: ModuleType) -> Any:
    """States from one layer to the next, attention, two outputs."""
    layers = library.layers
    inputs = library.Input((5, 2), name="inputs")
    _, h, c = layers.LSTM(3, return_state=True)(inputs)
    steps = layers.LSTM(3, return_sequences=True)(inputs, initial_state=[h, c])
    told = layers.MultiHeadAttention(2, 2)(steps, steps)
    weighed = layers.Attention()([steps, told])
    frozen = layers.BatchNormalization()(weighed, training=False)
    return library.Model(inputs, [frozen, h], name="net")


MODELS = {"sequential": sequential, "two_ends": two_ends, "sequences": sequences}


def objects(library: ModuleType, numpy: ModuleType) -> Iterator[tuple[str, str, Any]]:
    """(door, expression, object) for every case, made by `library`."""
    names = {"numpy": numpy}
    for room in ROOMS:
        top = room.partition(".")[0]
        names[top] = getattr(library, top)
    for room, expressions in ROOMS.items():
        for expression in expressions:
            yield room, expression, eval(expression, dict(names))
