"""The files of a batch: request files written, answer, return and statement files read. Bytes in, values out.

Everything that differs between banks is data: a *form* says how a bank's files are written, a *table of
codes* what its codes mean. A file is taken whole or refused whole, by a `FormFault` that names the file, the
line and the reason and repeats no account and no name.

What always holds:
  1. A figure in a file is of that file's own lines, also where a batch is split into several files.
  2. What the bank repeats of the request must be what was sent; a file of another batch, channel or day is
     refused.
  3. A code decides, never a text. A code that no table knows is unknown, and so is a line whose flag
     contradicts its code.

The modules:
  lines        lines, files and records as values
  form_file    a form's file: what it may say
  cell         one value in a form's way, and back
  record_text  files of lines: with a separator, or of fixed widths
  figures      what a file states about itself
  request      a batch to its request files
  answer       answer files

Nothing that sends, stores or decides may be put here.
"""
