"""Fuzzing: arbitrary bytes into everything that reads bytes from outside. Not installed with the program.

A *target* is a function of bytes (`targets.TARGETS`, by name). It calls the module under test and returns if
that module kept the promises of its docstrings. Anything that it raises is a *defect*: an error that no
docstring names, a broken promise (`errors.Defect`), or a cost that grows faster than the input
(`errors.TooMuch`, `limits`). An error that the module documents, such as DecodeError, is taken by the target.

**The targets**, by what sends the bytes:

    framing      a link's stream: the same frames however it is split, and the same bytes when written again
    codec-*      one message, in each dialect: decodes to the same again, and a refusal of it can be written
    framing-table  a framing in the words of the settings: refused, or said and used as it was read
    tlv          DE 48: groups that build the same text again
    keyblock     a key block: opens only if the ZMK's owner made it; one changed character and it does not
    describe     the input of `qianzhi describe`: described whole, or the first wrong byte within it
    bankfile-*   a bank's day file, in each layout: whole or refused; no problem repeats an identity number
    bookfile     the file of a day's dues, with the promises of `bankfile-*`
    batchfile-*  a bank's answer, return or statement file in each form: whole, or refused without an account
    batch-form   a file form or a table of codes: taken, or refused with a reason
    control      lines on the operator's socket: one JSON answer for each, in order

**How it is run.** `make fuzz` gives each target FUZZ_SECONDS (60); `python -m fuzz framing --seconds 60
--seed 20261124` runs one. `hunt` starts `engine` as a child process, since libFuzzer (atheris) ends its
process; the child begins with the committed corpus (`corpus`, made by `seeds`) and keeps what reaches new
code in var/fuzz/learnt. It prints one line for each target, and the command that repeats each crash:

    framing: seed 20261124, 957533 inputs, 52 edges, 210 features, 0 found

The exit code is 0 if nothing was found, 1 if something was, and 2 without atheris. `make test` needs no
atheris: it runs every target over the corpus and over changes of it, and plants defects that the targets must
find (tests/fuzz).

**Modules**, in the order in which an input goes through them: `corpus` and `seeds` (inputs), `hunt` and
`engine` (the search), `limits` (time and memory of one input), `wire`, `files`, `batches` and `operator` (the
targets), `errors`.

**What may not be put here.** No promise that a docstring of the module under test does not make: a target
that asks for more reports defects that are none. Nothing that reads only what the program itself wrote. No
input from a bank or a customer: every file of the corpus is made, and nobody in it exists.
"""
