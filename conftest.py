"""What must be so before any test, or file with doctests, imports Keras: it looks once, and then remembers."""

import os

os.environ["KERAS_BACKEND"] = "torch"
os.environ["KERAS_HOME"] = os.devnull  # so that nobody's keras.json is read, or written where there is none
