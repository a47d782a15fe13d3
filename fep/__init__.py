"""The front-end machine: Twisted edges around the pure core of `protocol` and `ledger`."""
