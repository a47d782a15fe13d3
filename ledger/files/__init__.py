"""The files that money travels in: bytes in, values out. No database, no clock, no socket.

Two files come from outside every day, and each is taken whole or refused whole. The core system sends a file
of dues (CSV, a TOTAL line at its end); each bank leaves a day file, in a layout of its own. Two small files
go from the office to the front: the figures of its open breaks, and the days that it has archived. Collection
sends the front what a batch holds and what became of it, and gets an answer to each. A person writes the
settings.

The nouns:
  due        what a policy is to pay, or what is to be paid out on it; one row of a file of dues.
  layout     how one bank writes its day file. Everything that differs between banks is data, in a TOML file.
  problem    one fault of a file: line, column, reason (`ledger.errors.Problem`).
  figure     a count or a sum that a file states about itself, and that its lines must make.
  left out   a row with a fault that two people agree to leave out, so that the other rows can be loaded.

What always holds:
  1. A file that was cut anywhere is seen to be cut: every line ends, and the last one counts the others.
  2. No text repeats a value of a row. Whatever its column, it may be an identity or a card number. Counts
     and sums may be shown: none is as long as such a number.
  3. Memory does not grow with the file. A reader yields lines, and rows are sorted in unnamed files.
  4. What a writer wrote, its reader reads back as the same values.

Example. This file of dues is a good one, and makes Book(business_date="20261124", premium=120000, ...):

    policy,state,holder,due,code,due_date,amount_fen,beneficiary,payee
    P2026001,active,张三,D1,500000,20261124,120000,,
    TOTAL,20261124,1,1,120000,0,,,

With 119999 in the TOTAL line it is refused: "line 3, premium: the TOTAL line says 119999, the rows make
120000".

The modules, in the order in which data goes through:
  bookline, agreement, leftout, sorting, bookfile   the file of dues: a line; between lines; left out; whole
  layout_file, layout, bankline, bankfile           a bank's day file: its layout's file; its layout; a
                                                    line; the whole file
  open_breaks_file, archived                        from the office to the front
  record_lines, hold_file, apply_file               between collection and the front: their lines; which dues
                                                    a batch holds and lets go; its results
  settings                                          how any settings file is read; no setting is named here
  clerks                                            who may do what, by a settings file
  secret_source                                     where a secret comes from, and where a keystore is
  private_file                                      a file for its owner alone, whole or not at all
  synced_folder                                     a folder's names, on disk
  wrong_value, toml_reason                          why a value, or a text, is refused: the libraries' words
  near_name                                         what a misspelt key or word is answered with
  sample                                            a made-up file of dues, for trials

What is done with a good file does not belong here: `ledger.book.load` and `office.intake` do it.
"""
