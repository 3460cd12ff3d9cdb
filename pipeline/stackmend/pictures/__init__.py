"""What the report needs pixels for, made while the run has them at hand."""
