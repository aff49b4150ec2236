import { describe, expect, test } from "vitest";
import { addressOf, addressText, inNetwork, isPublic, networkOf, networkText } from "./ip.ts";

describe("an address", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["192.0.2.1:443", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["[2001:db8::1]:8443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["2001:db8::", "2001:db8::"],
    ["::", "::"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ])("%s is %s", (spelt, canonical) => expect(addressText(addressOf(spelt)!)).toBe(canonical));

  test.each([
    "", "1", "192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1.5", "192.0.2.1:", "192.0.2.1:123456", "a.b.c.d",
    ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:", "[::1", "[::1]x",
    "::192.0.2.999", "1:2:3:4:5:6:7:192.0.2.1", "2001:db8::g", "face", "12:34:56",
  ])("%j is none", (text) => expect(addressOf(text)).toBeNull());

  test.each([
    ["1.1.1.1", true], ["2606:4700::1111", true], ["172.32.0.1", true], ["10.1.2.3", false], ["172.31.9.9", false],
    ["100.64.0.1", false], ["::ffff:10.0.0.1", false], ["fd00::1", false], ["255.255.255.255", false], ["::1", false],
  ])("%s is public: %s", (text, known) => expect(isPublic(addressOf(text)!)).toBe(known));
});

describe("a network", () => {
  const holds = (network: string, address: string): boolean => inNetwork(addressOf(address)!, networkOf(network)!);

  test.each([
    ["192.0.2.0/24", "192.0.2.255", true], ["192.0.2.0/24", "192.0.3.0", false], ["192.0.2.77/24", "192.0.2.1", true],
    ["0.0.0.0/0", "203.0.113.9", true], ["0.0.0.0/0", "2001:db8::1", false], ["192.0.2.1/32", "::ffff:192.0.2.1", true],
    ["192.0.2.128/25", "192.0.2.127", false], ["2001:db8::/32", "2001:DB8:ffff::1", true],
    ["2001:db8::/33", "2001:db8:8000::", false], ["2001:db8::1/128", "2001:db8::1", true], ["::/0", "192.0.2.1", true],
  ])("%s holds %s: %s", (network, address, expected) => expect(holds(network, address)).toBe(expected));

  test("is written without what is behind its prefix", () => {
    expect(networkText(networkOf("192.0.2.77/24")!)).toBe("192.0.2.0/24");
    expect(networkText(networkOf("2001:DB8:1:2::3/48")!)).toBe("2001:db8:1::/48");
  });

  test.each(["192.0.2.0/33", "192.0.2.0/", "/24", "2001:db8::/129", "x/8", "192.0.2.0/24/8"])("%j is none", (text) =>
    expect(networkOf(text)).toBeNull());
});
