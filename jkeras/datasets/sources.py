"""Where the data sets of Keras come from, and by which checksum a file is known.

Addresses and checksums are those of Keras 3.15.1, with two exceptions. Keras compares the files of
Fashion-MNIST with nothing: the checksums are those of tensorflow-datasets for the files of these
names and sizes. Of the two word indices only the MD5 is known, which shows damage and no intent.
"""

from __future__ import annotations

from jkeras.data.keras_files import KerasFile

GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
TORONTO = "https://www.cs.toronto.edu/~kriz/"


def _fashion(name: str, megabytes: int, sha256: str) -> KerasFile:
    return KerasFile(f"fashion-mnist/{name}", GOOGLE + name, megabytes, sha256, is_prepared=True)


SOURCES: dict[str, KerasFile] = {
    "boston_housing": KerasFile(
        "boston_housing.npz",
        f"{GOOGLE}boston_housing.npz",
        1,
        "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    "california_housing": KerasFile(
        "california_housing.npz",
        f"{GOOGLE}california_housing.npz",
        1,
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
    "cifar10": KerasFile(
        "cifar-10-batches-py-target_archive",
        f"{TORONTO}cifar-10-python.tar.gz",
        171,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        is_prepared=True,
    ),
    "cifar100": KerasFile(
        "cifar-100-python-target_archive",
        f"{TORONTO}cifar-100-python.tar.gz",
        170,
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        is_prepared=True,
    ),
    "fashion_mnist/x_train": _fashion(
        "train-images-idx3-ubyte.gz",
        27,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "fashion_mnist/y_train": _fashion(
        "train-labels-idx1-ubyte.gz",
        1,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    "fashion_mnist/x_test": _fashion(
        "t10k-images-idx3-ubyte.gz",
        5,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    "fashion_mnist/y_test": _fashion(
        "t10k-labels-idx1-ubyte.gz",
        1,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    "imdb": KerasFile(
        "imdb.npz",
        f"{GOOGLE}imdb.npz",
        18,
        "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    ),
    "imdb/words": KerasFile(
        "imdb_word_index.json",
        f"{GOOGLE}imdb_word_index.json",
        2,
        md5="bfafd718b763782e994055a2d397834f",
    ),
    "reuters": KerasFile(
        "reuters.npz",
        f"{GOOGLE}reuters.npz",
        3,
        "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    ),
    "reuters/words": KerasFile(
        "reuters_word_index.json",
        f"{GOOGLE}reuters_word_index.json",
        1,
        md5="4d44cc38712099c9e383dc6e5f11a921",
    ),
}
"""The files of each data set, under its name."""
