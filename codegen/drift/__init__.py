"""Our spec held against the vendor's own document."""
