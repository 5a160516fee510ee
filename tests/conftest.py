"""Compiled code is cached between test runs."""

from etl.compilation import cache_compiled_code

cache_compiled_code()
