// Until when the certificates are valid, and how much room the disks have.

import { byId, make, replace } from "./dom.js";
import { count, size, word } from "./words.js";

const DAY = 86400;

function left(seconds) {
  const days = Math.trunc(Math.abs(seconds) / DAY);
  return seconds > 0 ? word("host.left", { days: count(days) }) : word("host.expired", { days: count(days) });
}

function severityOf(names, alarms, isSame) {
  const alarm = alarms.find((one) => names.some((name) => one.name.startsWith(name)) && isSame(one));
  return alarm ? alarm.severity : "";
}

function row(name, value, more, severity) {
  return [name, value, more, severity];
}

function own(certificate, alarms) {
  if (certificate === null) return row(word("host.own"), word("host.plain"), "", "");
  const severity = severityOf(["certificate_"], alarms, () => true);
  if (certificate.fault) return row(word("host.own"), word("host.unusable"), "", severity);
  if (certificate.seconds_until_valid)
    return row(word("host.own"), word("host.early"), word("host.until", { time: certificate.until }), severity);
  return row(
    word("host.own"),
    left(certificate.seconds_left),
    word("host.until", { time: certificate.until }),
    severity,
  );
}

function ofBanks(banks, alarms) {
  return banks
    .filter((bank) => bank.certificate_seconds !== null)
    .map((bank) =>
      row(
        word("host.bank", { bank: bank.name }),
        left(bank.certificate_seconds),
        word("host.until", { time: bank.certificate_until }),
        severityOf(["bank_certificate_"], alarms, (alarm) => alarm.bank === bank.code),
      ),
    );
}

function ofDisk(disk, alarms) {
  const holds = disk.holds.map((what) => word(`disk.${what}`)).join(word("host.and"));
  const name = word("host.disk", { holds });
  if (disk.room === null) return row(name, word("host.unknown"), disk.folder, "red");
  const [free, total] = disk.room;
  const percent = total ? Math.floor((free / total) * 100) : 0;
  const severity = severityOf(["disk_"], alarms, (alarm) => alarm.subject === disk.folder);
  return row(
    name,
    word("host.free", { size: size(free) }),
    word("host.of", { size: size(total), percent }),
    severity,
  );
}

export function host(snapshot, alarms) {
  const rows = [
    own(snapshot.certificate, alarms),
    ...ofBanks(snapshot.banks, alarms),
    ...snapshot.disks.map((disk) => ofDisk(disk, alarms)),
  ];
  replace(byId("host"), rows, () =>
    rows.flatMap(([name, value, more, severity]) => [
      make("dt", {}, name),
      make(
        "dd",
        severity ? { "data-severity": severity } : {},
        value,
        more ? make("small", {}, more) : "",
      ),
    ]),
  );
}
