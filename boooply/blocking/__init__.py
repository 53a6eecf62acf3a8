"""The same API for code that does not await: a thin face over the async one."""
