"""A teller's terminal screen: a bank's branch worked by hand, in Chinese or English."""
