import { expect, test } from "vitest";
import { links } from "./links.ts";

const names = (column: string, value: string): string => links(column, value).map(({ name }) => name).join(", ");

test.each([
  ["IPAddress", "1.1.1.1", "Tidegate, VirusTotal, AbuseIPDB"],
  ["Anything", "2606:4700:0:0::1111", "Tidegate, VirusTotal, AbuseIPDB"],
  ["IPAddress", "10.0.0.1", ""], ["IPAddress", "192.0.2.1", ""], ["IPAddress", "fe80::1", ""],
  ["SHA256", "a".repeat(64), "Tidegate, VirusTotal"], ["Id", "a".repeat(32), ""], ["Hash", "a".repeat(33), ""],
  ["ObservableValue", "evil.example", "Tidegate, VirusTotal"], ["Source", "blocklist.de", ""], ["UserPrincipalName", "a@b.example", ""],
  ["RequestURL", "https://evil.example/x", "Tidegate, VirusTotal"], ["Reference", "https://report.example/1", "on report.example"],
  ["Reference", "http://report.example/1", ""], ["Reference", "https://user@report.example/", ""], ["Reference", "javascript:alert(1)", ""],
  ["Tags", "attack:T1059.001, T1110 T1110", "ATT&CK T1059.001, ATT&CK T1110"], ["City", "T1059", ""], ["City", "", ""],
])("%s %s leads to: %s", (column, value, expected) => expect(names(column, value)).toBe(expected));

test("links lead to https or our own pages, with nothing unescaped", () => {
  const all = [...links("IP", "1.1.1.1"), ...links("URL", "http://evil.example/?a=1#b\"><"), ...links("Host", "evil.example"), ...links("tags", "T1059")];
  for (const { url } of all) expect(url).toMatch(/^(https:\/\/(www\.virustotal\.com|www\.abuseipdb\.com|attack\.mitre\.org)|\/gate\.html#)[^"<>\s]*$/);
});
