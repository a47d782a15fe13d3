"""Checks this volume, or finds records on it, with Python's standard library alone (3.11 or later).

    python3 -I tools/verify.py [VOLUME] [--key HEX] [--previous VOLUME]    checks everything
    python3 -I tools/verify.py [VOLUME] --find policy P20170080000001      shows the records of a key

VOLUME is a mounted disc or a copy of one, by default that of this file. --key is the archive's public key by
another way: without it, the volume's own list of keys is believed. --previous is the volume before, to prove
that this one goes on from it. Ends with 0 if all is well; with 1 if not, and names each check's first fault.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

WIDTHS = {"policy": 24, "receipt": 24, "due": 24, "key": 48, "person": 32, "document": 64}
PLACE = rb" ([0-9]{4}) ([0-9]{5}) ([0-9]{12}) ([0-9]{8})\n"
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def text(folder: Path, path: str) -> str:
    """The text of a file."""
    return folder.joinpath(path).read_bytes().decode("utf-8")


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sums(folder: Path) -> Iterator[str]:
    """Every file is in a manifest and has its sum, and nothing else is there."""
    listed = {}
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        for number, line in enumerate(text(folder, manifest).split("\n")[:-1], 1):
            match = re.fullmatch(r"([0-9a-f]{64})  (\S+)", line)
            if match and match[2] not in listed:
                listed[match[2]] = match[1]
            else:
                yield f"{manifest}: line {number}: not of its form"
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    for path in sorted((listed.keys() | present) - {"tagmanifest-sha256.txt", "volume.note"}):
        if path not in listed or path not in present:
            yield f"{path}: is {'missing' if path in listed else 'in no manifest'}"
        elif digest(folder.joinpath(path)) != listed[path]:
            yield f"{path}: its bytes are not those of its sum"


def check_note(folder: Path, keys: set[str]) -> Iterator[str]:
    """The note has the lines of volume.txt and the sums of both manifests, and the archive has signed it."""
    sums = (digest(folder.joinpath(f"{name}-sha256.txt")) for name in ("manifest", "tagmanifest"))
    expected = text(folder, "volume.txt") + "manifest: {}\ntagmanifest: {}\n\n".format(*sums)
    note, name = text(folder, "volume.note"), log_line(folder)[0]
    if note.rpartition("\n\n")[0] + "\n\n" != expected or not is_signed(note, name, keys):
        yield "volume.note: is not of volume.txt and the manifests, signed by a known key"


def log_line(folder: Path) -> tuple[str, int, str]:
    """The log's name, size and root by volume.txt."""
    name, size, root = re.findall(r"(?m)^log: (\S+) ([0-9]+) (\S+)$", text(folder, "volume.txt"))[0]
    return name, int(size), root


def is_signed(note: str, name: str, keys: set[str]) -> bool:
    """Whether each line below a note's text is a good signature under this name, by a known key."""
    signed, _, lines = note.rpartition("\n\n")
    ids = {hashlib.sha256(f"{name}\n\1".encode() + bytes.fromhex(key)).digest()[:4]: key for key in keys}
    for line in lines.removesuffix("\n").split("\n"):
        match = re.fullmatch(r"\u2014 (\S+) ([A-Za-z0-9+/]{91}=)", line)
        data = base64.b64decode(match[2]) if match and match[1] == name else b""
        is_good = ed25519(bytes.fromhex(ids.get(data[:4], "")), f"{signed}\n".encode(), data[4:])
        if not match or base64.b64encode(data).decode() != match[2] or not is_good:
            return False
    return lines.endswith("\n")


def added(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """The sum of two points of edwards25519 (RFC 8032, section 5.1)."""
    product = D * a[0] * b[0] * a[1] * b[1]
    x, y = a[0] * b[1] + b[0] * a[1], a[1] * b[1] + a[0] * b[0]
    return x * pow(1 + product, -1, P) % P, y * pow(1 - product, -1, P) % P


def times(factor: int, point: tuple[int, int]) -> tuple[int, int]:
    """The point that many times."""
    twice = times(factor >> 1, added(point, point)) if factor > 1 else (0, 1)
    return added(twice, point) if factor & 1 else twice


def decoded(data: bytes) -> tuple[int, int]:
    """The point of 32 bytes (section 5.1.3). Raises ValueError where there is none."""
    y, sign = int.from_bytes(data, "little") & ((1 << 255) - 1), int.from_bytes(data, "little") >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    if len(data) != 32 or y >= P or x * x % P != square or (not x and sign):
        raise ValueError("no point")
    return P - x if x & 1 != sign else x, y


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature is good (section 5.1.7)."""
    try:
        a, r, base = decoded(public), decoded(signature[:32]), decoded(b"\x58" + b"\x66" * 31)
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return len(signature) == 64 and s < ORDER and times(s, base) == added(r, times(h, a))


def check_chains(folder: Path, previous: Path | None) -> Iterator[str]:
    """Each entry has the hash of the one before it, and each day's seal is over the ends of its chains."""
    tips = {}
    for path in sorted(previous.glob("data/*/entries-*.jsonl")) if previous else ():
        last = path.read_bytes().splitlines()[-1]
        tips[json.loads(last)[0]] = [json.loads(last)[1], hashlib.sha256(last).hexdigest()]
    for date in sorted(folder.glob("data/*")):
        for path in sorted(date.glob("entries-*.jsonl")):
            chain = int(path.stem.removeprefix("entries-").partition(".")[0])
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    fields = json.loads(line)
                    first = [0, "0" * 64] if fields[1] == 1 else [fields[1] - 1, fields[-1]]
                    if [fields[0], fields[1] - 1, fields[-1]] != [chain, *tips.get(chain, first)]:
                        yield f"{path.relative_to(folder)}: line {number}: does not follow the one before"
                    tips[chain] = [fields[1], hashlib.sha256(line.removesuffix(b"\n")).hexdigest()]
        for path in date.glob("seal.json"):
            seal = json.loads(path.read_bytes())
            content = [seal[name] for name in ("date", "next_date", "closed_at", "ends")]
            root = hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
            public, signature = bytes.fromhex(seal["public"]), bytes.fromhex(seal["signature"])
            is_good = root == seal["root"] and ed25519(public, root.encode(), signature)
            if not is_good or any(tips.get(chain, end) != end for chain, *end in seal["ends"]):
                yield f"{path.relative_to(folder)}: its signature, root or an end of a chain is wrong"


def subtree(hashes: list[bytes]) -> bytes:
    """The root of a tree of these hashes (RFC 6962, section 2.1)."""
    middle = 1 << (len(hashes) - 1).bit_length() - 1 if len(hashes) > 1 else 0
    left, right = hashes[:middle], hashes[middle:]
    return hashlib.sha256(b"\1" + subtree(left) + subtree(right)).digest() if left else right[0]


def tile(folder: Path, size: int, level: int, number: int) -> list[bytes]:
    """The hashes of a tile of the log (C2SP tlog-tiles); the last one of each level is partial."""
    width = min(256, (size >> 8 * level) - 256 * number)
    groups = re.findall("...", f"{number:03}".zfill(-(-len(f"{number:03}") // 3) * 3))
    path = f"log/tile/{level}/" + "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    data = folder.joinpath(path if width == 256 else f"{path}.p/{width}").read_bytes()
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def root_at(folder: Path, size: int, at: int) -> str:
    """The root that the log, now of `size` leaves, had when it had `at` of them; in base64."""
    nodes, level = list[bytes](), 0
    while count := at >> 8 * level:
        last = tile(folder, size, level, count // 256)[: count % 256] if count % 256 else []
        nodes, level = [subtree(last + nodes)] if last + nodes else [], level + 1
    return base64.b64encode(nodes[0] if nodes else hashlib.sha256().digest()).decode()


def check_log(folder: Path, keys: set[str], previous: Path | None) -> Iterator[str]:
    """The checkpoint is signed and is that of the tiles, each of which is of the tiles below it."""
    name, size, root = log_line(folder)
    checkpoint = text(folder, "log/checkpoint")
    is_good = checkpoint.startswith(f"{name}\n{size}\n{root}\n\n") and root_at(folder, size, size) == root
    if not is_good or not is_signed(checkpoint, name, keys):
        yield "log/checkpoint: is not of volume.txt and the tiles, signed by a known key"
    for path in sorted(path for path in folder.glob("log/tile/*/**/*") if path.is_file()):
        level, *groups = path.relative_to(folder.joinpath("log/tile")).parts
        if not path.parent.name.endswith(".p"):
            number = int("".join(groups).replace("x", ""))
            above = tile(folder, size, int(level) + 1, number // 256)[number % 256]
            if subtree(tile(folder, size, int(level), number)) != above:
                yield f"{path.relative_to(folder)}: is not what the tile above it says"
    if previous:
        before, older = log_line(previous), digest(previous.joinpath("manifest-sha256.txt"))
        goes_on = f" {older}\n" in text(folder, "volume.txt") and before[0] == name
        if not goes_on or root_at(folder, size, before[1]) != before[2]:
            yield "log/checkpoint: the volume does not go on from the one before"


def check_index(folder: Path, kind: str, wanted: str = "") -> Iterator[str]:
    """An index is sorted and leads to records of its keys; the records of a `wanted` key are shown."""
    form = re.compile(rb"(?=([!-~]+) *%s)[!-~ ]{%d}%s" % (PLACE, WIDTHS[kind], PLACE))
    files = {int(line[:5]): line.split(" ")[5] for line in text(folder, "index/files.txt").split("\n")[:-1]}
    content, target = folder.joinpath(f"index/{kind}.idx").read_bytes(), wanted.encode().ljust(WIDTHS[kind])
    width, before = len(target) + 34, b""
    lines = range(len(content) // width if wanted else 0)
    first = bisect_left(lines, target, key=lambda n: content[n * width : n * width + len(target)])
    with ExitStack() as stack:
        opened = cache(lambda path: stack.enter_context(folder.joinpath(path).open("rb")))
        for at in range(first * width, len(content), width):
            line, place = content[at : at + width], f"index/{kind}.idx: line {at // width + 1}"
            match = form.fullmatch(line)
            if match is None or line < before:
                yield f"{place}: not of its form, or not in order"
                return
            before, key, (_, file, offset, length) = line, match[1], map(int, match.groups()[-4:])
            if wanted and key != wanted.encode():
                return
            path = files.get(file, "index/files.txt")
            opened(path).seek(offset)
            found = opened(path).read(length)
            if wanted:
                sys.stdout.write(f"{path} {offset}: {found.decode().rstrip()}\n")
            hidden = path.startswith("sealed/") and kind not in ("person", "document")
            form_of_key = re.escape(key).replace(b"_", b"[_ ]" if kind == "key" else b"_")
            there = hidden or re.search(rb"(?<![0-9A-Za-z-])%s(?![0-9A-Za-z-])" % form_of_key, found)
            if len(found) != length or not there:
                yield f"{place}: leads to no record of its key"


def main(arguments: list[str]) -> int:
    """Run what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("volume", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--key")
    parser.add_argument("--previous", type=Path)
    parser.add_argument("--find", nargs=2, metavar=("KIND", "KEY"), help=f"kinds: {', '.join(WIDTHS)}")
    given = parser.parse_args(arguments)
    folder: Path = given.volume
    lists = "".join(path.read_text("latin-1") for path in folder.glob("keys/public-keys.txt"))
    keys, wrong = set(re.findall(r"\b[0-9a-f]{64}\b", given.key or lists)), 0
    checks = {"sums": check_sums(folder), "note": check_note(folder, keys)}
    checks |= {"chains": check_chains(folder, given.previous), "log": check_log(folder, keys, given.previous)}
    checks |= {f"index {kind}": check_index(folder, kind) for kind in WIDTHS}
    for name, faults in {"find": check_index(folder, *given.find)}.items() if given.find else checks.items():
        try:
            fault = next(faults, "")
        except (OSError, ValueError, LookupError, TypeError) as error:
            fault = f"cannot be checked: {error}"
        wrong |= bool(fault)
        if fault or not given.find:
            sys.stdout.write(f"WRONG {name}: {fault}\n" if fault else f"ok {name}\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
