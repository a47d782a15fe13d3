"""Our journal against a bank's file: lines, pairs, classes of differences, the result of a date."""
