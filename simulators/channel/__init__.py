"""A bank's batch channel: takes request files, answers them, returns money, and settles; out of one seed.

Pure: files in, files out, days as arguments. Its record of what it collected is what it did, whatever its
files say, so that a test can hold the insurer's books against it.

The modules, in the order in which a file goes through them:
  intake      reads and judges a request file as a bank does, without the insurer's reader of answers
  outcomes    what becomes of a line, and what happens to an answer on its way
  channel     the bank: what it has, and what it gives out on a day
  files       its answer, return and statement files in a form
  iso         the messages of ISO 20022 that a bank writes

Nothing that the insurer decides belongs here, and nothing that serves imports it.
"""
