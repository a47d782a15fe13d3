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

The modules, in the order in which a batch goes through them:
  lines                    lines, files and records as values
  form_file, codes         a form's file, a table of codes: what they may say
  cell                     one value in a form's way, and back
  record_text, record_xml  files of lines, files of XML: records to bytes and back
  record_file              which of both a form's files are
  figures                  what a file states about itself
  pain008                  writes pain.008
  request                  a batch to its request files
  xml_reading              XML from a bank, without entities
  iso_reading, pain002, camt054   reads ISO 20022's answers and notices
  answer, returns, statement      what came: answers, returns, statements
  trial                    a bank's file tried against a form, without its batch

Nothing that sends, stores or decides may be put here.
"""
