"""The elementary problem families: generate, parse, solve in steps, wordings (zh, en)."""
