"""Problems of MATH that are decided exactly: formulas read by our own parser, worked by exact arithmetic."""
