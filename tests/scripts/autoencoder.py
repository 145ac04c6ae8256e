"""Models inside models: an encoder and a decoder, trained as one, used apart."""

import keras
import numpy as np
from keras import layers

from tests.scripts.start import equal_weights

images = np.random.default_rng(3).random((40, 8, 8, 1)).astype("float32")

encoder_input = keras.Input(shape=(8, 8, 1), name="img")
x = layers.Conv2D(4, 3, activation="relu")(encoder_input)
x = layers.MaxPooling2D(2)(x)
encoder_output = layers.GlobalMaxPooling2D()(x)
encoder = keras.Model(encoder_input, encoder_output, name="encoder")

decoder_input = keras.Input(shape=(4,), name="code")
x = layers.Reshape((2, 2, 1))(decoder_input)
x = layers.Conv2DTranspose(4, 3, activation="relu")(x)
x = layers.UpSampling2D(2)(x)
decoder_output = layers.Conv2DTranspose(1, 1, activation="sigmoid")(x)
decoder = keras.Model(decoder_input, decoder_output, name="decoder")

autoencoder_input = keras.Input(shape=(8, 8, 1), name="image")
autoencoder = keras.Model(autoencoder_input, decoder(encoder(autoencoder_input)), name="both")
equal_weights(autoencoder)
autoencoder.compile("adam", "mse")
autoencoder.fit(images, images, epochs=10, batch_size=8, shuffle=False, verbose=0)
codes = encoder.predict(images, verbose=0)
result = {
    "codes": codes,
    "decoded": decoder.predict(codes, verbose=0)[:3],
    "rebuilt": autoencoder.predict(images[:3], verbose=0),
    "loss": autoencoder.evaluate(images, images, verbose=0),
    "names": [layer.name for layer in autoencoder.layers],
}
