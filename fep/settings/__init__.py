"""The machine's settings: one TOML file, read and checked whole before anything starts. Nothing starts here.

Everything that differs between banks or machines is a setting, and no code asks for a bank's name. The file
has a section for the node, its keystore, the limits, the status page, the business day, TLS and the
insurer's networks, and one [[bank]] for each bank.

What always holds:
  1. Either all settings are good, or the machine does not start and every fault is named with its key.
  2. Whatever a counterparty can make grow has a limit here, with its unit in the name and its reason.
  3. Paths count from the file's own folder, so a command means the same wherever it is run.
  4. A program that changes the file keeps comments and order, and replaces it whole or not at all.
  5. No value is repeated in the audit log: what changed is told by names, since a value may be a secret.

Example. `port = 0x` is refused as TOML; `prot = 8583` in a [[bank]] as
"qianzhi.toml: bank[0].prot: is no setting; did you mean 'port'?"; two banks on one port with overlapping
networks by what both keys say together (`bank.networks`).

The modules: `config` has the models, a section each, and reads the file; `contradictions` has what sections
must mean together; `database_servers` holds the servers of the database's URL against [zones]; `editor` adds
a bank to the file or sets its `enabled`; `diff` says what differs between two readings, for a reload.

How a settings file is read at all is `ledger.files.settings`, which the office shares. What a setting does
belongs to the part that takes it.
"""
