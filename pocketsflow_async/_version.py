"""The version of the package; the build takes it from here. Asking the installed metadata for it takes 10 ms."""

VERSION = "0.1.0"
