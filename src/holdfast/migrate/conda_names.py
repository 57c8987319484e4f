"""What conda's packages are called on a Python index, and which of them are none there.

A table of the well-known ones: conda has thousands of names of its own, and most Python packages
have the same in both places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.utils import canonicalize_name

INDEX_NAMES: Mapping[str, str] = {
    "brotli-python": "brotli",
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "keras-gpu": "keras",
    "lz4-python": "lz4",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyarrow-core": "pyarrow",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-duckdb": "duckdb",
    "python-fastjsonschema": "fastjsonschema",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-lmdb": "lmdb",
    "python-snappy": "python-snappy",
    "python-tzdata": "tzdata",
    "python-xxhash": "xxhash",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "qtconsole-base": "qtconsole",
    "ruamel-yaml": "ruamel.yaml",
    "seaborn-base": "seaborn",
    "shap-base": "shap",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "torchtriton": "triton",
    "xarray-core": "xarray",
}

# Whose releases an index numbers with one part more: OpenCV's 4.9.0 is 4.9.0.80.
FINER_NUMBERS = frozenset(("opencv-python",))

# Names that an index has, too, for something else or not at all: of those, wheels bring what they
# need, or the system does.
_BROUGHT_BY_WHEELS = re.compile(
    r"_.*|lib(?!cst|pysal|rosa|sass|tmux).*|.*-cpp|.*-c|.*-mutex|.*-ng|.*-abi\d*|.*_(linux|osx|win)-(64|aarch64|arm64|ppc64le)|"
    r"abseil-cpp|aom|aws-.*|binutils.*|blas|blosc|bzip2|ca-certificates|cairo|cctools.*|"
    r"compiler-rt.*|dav1d|dbus|expat|fontconfig|freetype|fribidi|gettext|gflags|giflib|glib|"
    r"glib-tools|glog|gmp|gnutls|graphite2|gst-.*|gstreamer|harfbuzz|hdf5|icu|intel-openmp|jpeg|"
    r"keyutils|krb5|lame|lcms2|ld_impl.*|ld64.*|lerc|llvm-openmp|lz4-c|mkl|mkl_(fft|random)|"
    r"mkl-(service|include|devel)|mpc|mpfr|mysql.*|ncurses|nettle|nomkl|nspr|nss|numpy-base|"
    r"openblas|openh264|openjpeg|openssl|openmpi|mpich|orc|pango|pcre2?|pixman|proj|"
    r"pthread-stubs|pytorch-mutex|qhull|qt|qt-main|qt-webengine|qt6-main|re2|readline|s2n|sleef|"
    r"snappy|sqlite|svt-av1|tbb|tk|tzdata|ucrt|vc|vc14_runtime|vs2015_runtime|x264|x265|"
    r"xkeyboard-config|xorg-.*|xxhash|xz|yaml|zeromq|zfp|zlib|zlib-ng|zstd",
    re.IGNORECASE,
)
_OF_EVERY_ENVIRONMENT = re.compile(r"pip|setuptools|wheel|python_abi|conda(-.*)?|mamba|virtualenv")
_CUDA = re.compile(
    r"cuda(toolkit|-.*)?|cudnn|nccl|cutensor|cupti|magma(-.*)?|pytorch-cuda|.*-nvidia|nvidia-.*"
)
_OF_THE_SYSTEM: Mapping[str, str] = {
    "compilers": "a compiler",
    "c-compiler": "a C compiler",
    "cxx-compiler": "a C++ compiler",
    "ffmpeg": "ffmpeg",
    "fortran-compiler": "a Fortran compiler",
    "gdal": "GDAL (rasterio and pyogrio have wheels with it)",
    "git": "git",
    "git-lfs": "git-lfs",
    "graphviz": "Graphviz's programs",
    "imagemagick": "ImageMagick",
    "make": "make",
    "nodejs": "Node.js",
    "openjdk": "a JDK",
    "pandoc": "pandoc",
    "perl": "Perl",
    "poppler": "poppler",
    "tesseract": "tesseract",
    "wget": "wget",
    "curl": "curl",
}
_R = re.compile(r"r-.*|r|rpy2-.*")


def index_name(name: str) -> str:
    """What the package `name` of conda's is called on a Python index."""
    plain = canonicalize_name(name)
    return INDEX_NAMES.get(name.lower(), INDEX_NAMES.get(plain, plain))


def not_on_an_index(name: str) -> str | None:
    """Why no wheel takes the place of conda's package `name`, and what to do; None where one does.

    "" where there is nothing to do.
    """
    name = name.lower()
    if _OF_EVERY_ENVIRONMENT.fullmatch(name):
        return ""
    if _CUDA.fullmatch(name):
        return (
            "CUDA comes with the wheels of torch, tensorflow[and-cuda] or cupy-cuda12x; for a CUDA "
            "of your choice, bind torch to PyTorch's own index for it in [tool.uv.sources]"
        )
    if name == "cpuonly":
        return "torch for CPUs only is on PyTorch's own index: bind torch to it"
    if name in _OF_THE_SYSTEM:
        return f"{_OF_THE_SYSTEM[name]}: install it with the system, and in the image"
    if _R.fullmatch(name):
        return "R and its packages are not Python's: keep an environment for them"
    return "" if _BROUGHT_BY_WHEELS.fullmatch(name) else None
