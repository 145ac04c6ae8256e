"""Reasons of more than one test: why Keras's test says what is not so here."""

KIND = "a value of the wrong kind is a TypeError here; Keras says ValueError"
WORDS = "the test compares the words of a message, which are our own"
PRIVATE = "the test reads an attribute that is private to Keras, or an internal one"
SUMS = "the test reads or assigns the sums of a metric, which are values here, not attributes"
INTEGERS = "the result of a mean cannot have an integer dtype here"
GLOBAL = "there is no global dtype: dtypes follow the inputs"
SYMBOLS = "the test calls an object on symbols of Keras's backend"
VARIABLES = "the test counts the variables on a metric's object, where sums are values here"
OBJECT = "a word stands for an object here; Keras returns a function"
NOTHING = "None stands for no metric in Keras; here the message says what is expected"
ONE_MORE = "here the configuration holds this argument too, so that it comes back"
COLUMN = "targets and outputs [batch] count as [batch, 1] here"
ANY_AXIS = "any axis can be the classes' here; Keras on JAX refuses all but the last"
IGNORED = "ignored elements never count here; Keras counts them when there are no weights"
WHOLE = "a whole number is as good as a float here"
GENERATOR = "a seed is a number: a description holds no generator that changes"
OWNER = "the state of an optimizer in a model belongs to the model, not to the optimizer"
FROZEN = "an optimizer is frozen: its rate and its state are not assigned"
DEVICES = "it places variables on several devices by Keras's distribution API"
OVERWRITTEN = "the optimizers that stand in for Keras's in this suite overwrite no variable"
STATEFUL = "a layer is built with its weights outside of it, not inside"
EXCHANGED = "`alpha` weighs false positives, as documented; Keras exchanges it with `beta`"
EXAMPLES = "the adjusted R² counts examples, as defined; Keras counts the targets of all outputs"
QUANTIZED = "GPTQ, AWQ and quantization of further layers are not built"
TENSORFLOW = "it runs TensorFlow, or a `tf.data` data set"
TORCH = "it runs PyTorch"
INTERNAL = "it tests a helper inside Keras that has no counterpart here"
SPARSE = "arrays here are dense: it makes or takes sparse or ragged tensors"
FULL_WEIGHTS = "the weights of a bfloat16 or float16 layer are float32: small updates are not lost"
SHAPES = "symbols that do not go together: Keras finds no fault, and fails on such arrays"
BATCHES = "an `Input` of images has a batch axis; an error says so, where Keras takes one image"
SYMBOL_SHAPE = "Keras's symbol has another shape than the array it stands for"

BEYOND_VALUES = (KIND, WORDS, PRIVATE, SYMBOLS, DEVICES, BATCHES)
"""Reasons of tests that compare no values, but messages, classes of errors, internals, devices, or
the shapes alone that a layer gives to symbols.
"""

AGAINST_DEFINITION = (EXCHANGED, EXAMPLES, SHAPES, SYMBOL_SHAPE)
"""Reasons of tests whose values contradict the definition of what they test."""

DOWNLOADS = "it fetches published weights from the network"
ADAPTERS = "it tests Keras's adapter of a data library that is not installed"
LEGACY = "the older format of whole models, `.h5`, is read with safe_mode=False alone"

OTHER_SUBJECTS = (
    *(DOWNLOADS, ADAPTERS, LEGACY),
    *(QUANTIZED, TENSORFLOW, TORCH, SPARSE, INTERNAL),
)
"""Reasons of tests of other frameworks, of subjects that are not here, and of Keras's own helpers:
they are not counted."""

NOT_COUNTED = (*AGAINST_DEFINITION, *OTHER_SUBJECTS)
"""Reasons of tests that say nothing about this library."""
