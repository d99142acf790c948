"""Every page, as each role, in an installation whose secrets and words are known: nothing shows what it must not."""
