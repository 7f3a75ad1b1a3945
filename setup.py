"""Build of the compiled kernels; an installation without a compiler leaves them out and answers with NumPy alone."""

from pathlib import Path

import numpy as np
from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "recsys.kernels._compiled",
            ["recsys/kernels/module.c"],
            depends=sorted(map(str, Path("recsys/kernels").glob("*.h"))),
            include_dirs=[np.get_include()],
            extra_compile_args=["-O3"],
            optional=True,
        )
    ]
)
