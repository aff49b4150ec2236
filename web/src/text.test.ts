import { expect, test } from "vitest";
import { defanged, fileName, lined, linkable, plain, readable, technique } from "./text.ts";

test.each([
  ["c2.loader.example", "c2[.]loader[.]example"],
  ["c2[.]loader.example", "c2[.]loader[.]example"],
  ["http://c2.loader.example/gate.php?id=1", "hxxp://c2[.]loader[.]example/gate[.]php?id=1"],
  ["HTTPS://a.example/http://b.example", "hxxpS://a[.]example/http://b[.]example"],
  ["ftp://alex:secret@files.example/", "ftp://alex:***@files[.]example/"],
  ["http://alex:a@b@files.example/x@y", "hxxp://alex:***@files[.]example/x@y"],
  ["alex@mail.example", "alex[@]mail[.]example"],
  ["2001:db8::bad:1", "2001:db8::bad:1"],
  ["hkey_current_user\\software\\run.me", "hkey_current_user\\software\\run.me"],
])("%s is read as %s", (text, read) => expect(defanged(text)).toBe(read));

test("what no click opens stays as it is spelled", () => {
  expect(readable("filename", "invoice.exe")).toBe("invoice.exe");
  expect(readable("process", "curl.exe http://a.example")).toBe("curl[.]exe hxxp://a[.]example");
  expect(readable("ipv4", "203.0.113.10")).toBe("203[.]0[.]113[.]10");
  expect(readable(null, "1001")).toBe("1001");
});

test.each([
  ["invoice\u202efdp.exe", "invoice[U+202E]fdp.exe"],
  ["a\u200bb\u2066c\u00ad", "a[U+200B]b[U+2066]c[U+00AD]"],
  ["\u0000\u001b[31m", "[U+0000][U+001B][31m"],
  ["one\r\n two", "one two"],
  ["tag\u{e0041}", "tag[U+E0041]"],
  ["<img src=x> Zürich ✓ مرحبا", "<img src=x> Zürich ✓ مرحبا"],
])("nothing hides in %j", (text, read) => expect(plain(text)).toBe(read));

test("lines stay lines", () => expect(lined("a\r\nb\u202e\rc\n")).toBe("a\nb[U+202E]\nc\n"));

test.each([
  ["C:\\Users\\alex\\invoice.exe", "invoice.exe"], ["/tmp/x", "x"], ["invoice.exe", "invoice.exe"], ["C:\\", "C:\\"],
])("%s is called %s", (path, name) => expect(fileName(path)).toBe(name));

test.each([
  "javascript:alert(1)", "http://vmray.example/1", "data:text/html,x", "//vmray.example", "",
  "https://vmray.example@evil.example/", "https://a:b@evil.example/", " java\nscript:alert(1)",
])("%j is no link", (link) => expect(linkable(link)).toBeNull());

test("reports and techniques are links", () => {
  expect(linkable("https://vmray.example/user/sample/view?id=2")?.host).toBe("vmray.example");
  expect(technique("T1059.001")?.href).toBe("https://attack.mitre.org/techniques/T1059/001/");
  expect(technique("T1059/../../x")).toBeNull();
});
