TERMS: tuple[str, ...] = ()
