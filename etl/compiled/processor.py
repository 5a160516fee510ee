"""Which instructions compiled code may use: those that Numba compiles for.

They are this machine's, unless NUMBA_CPU_FEATURES names others ("+avx2,-sha").
"""

from __future__ import annotations

from typing import Any

from numba.core import codegen, config


def has_instructions(name: str) -> bool:
    """Whether an instruction set, by LLVM's name, may be used."""
    compiler: Any = codegen
    settings: Any = config
    named: str | None = settings.CPU_FEATURES
    features: str = compiler.get_host_cpu_features() if named is None else named
    return f"+{name}" in features.split(",")
