"""These files are a package to be installed, not tests."""

collect_ignore_glob = ["*"]
