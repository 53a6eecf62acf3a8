"""The same API for code that does not await: a thin layer over the async one."""
