"""Laws: what dmsflow must never get wrong, each with a test that fails when it is broken."""
