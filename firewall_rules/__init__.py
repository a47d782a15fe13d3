"""Who may reach what: the policy of the front-end machine's network, and the two that enforce it.

A bank is admitted by its address. The same settings make two enforcers: rules for the kernel's firewall
(nft), and the gateway, which the server asks at accept() before it reads one byte. Either one alone keeps
strangers out; both together do so even if one is missing or wrong.

The nouns
    allowance  one bank's right to connect: networks, listening port, hours, links, and new links a minute.
    zone rule  ports of this machine that one of the insurer's own networks (ops, inside) may reach.
    policy     all allowances and zone rules, and the databases that this machine may connect to.
    ruleset    the text that nft loads: one table, `inet qianzhi`, always whole.
    pace       how fast one bank may open links: a token bucket.

The invariants
    - What the policy does not allow is dropped, in both directions; nothing is forwarded.
    - The same policy gives the same text, byte for byte.
    - Kernel, gateway and `policy.allows` say the same of every packet (the tests compare them).
    - New rules are kept only if a person confirms them; otherwise the old ones are loaded again.
    - Nothing but the root of errors is imported from outside: the policy is handed in as plain values.

An example: the allowance of bank 01020000 from 192.0.2.0/24 to port 8583, 06:00 to 23:30, at most 4 links and
10 new ones a minute, becomes, with Beijing's UTC offset of 8 hours,

    set bank_01020000_ip { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
    chain bank_01020000 { meta hour 55800-79199 drop; ct count over 4 drop;
                          limit rate over 10/minute burst 10 packets drop; accept }
    chain input { ... tcp dport 8583 ip saddr @bank_01020000_ip goto bank_01020000 ... }

    Gateway([allowance]).bank_of("192.0.2.7", 8583, now)   "01020000" from 06:00 to 23:30, else None

The modules, in the order in which data goes through them
    hours         the hours of the day in which a bank may connect, and the pace of new links.
    token_bucket  the bucket that paces links here, and messages in `fep.links.rate_limiter`.
    gateway       allowances; which bank an address is.
    policy        the whole policy, and which packets it allows.
    nftables      the policy as the text of a ruleset.
    ruleset       a ruleset's text as data, and the difference in meaning between two.
    loader        runs nft; puts the old rules back.
    errors        PolicyError, UnknownRule, NftError and NftRefused.

What may not be put here: settings and their reading (`fep.settings`), sockets, and commands
(`console.firewall`).
"""
