"""What a change of the spec, or of the package, means for those who use the package."""
