// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "hid_rig.hpp"
#include "support/catch.hpp"
#include "transport/hid_device.hpp"
#include "transport/link.hpp"

namespace mesura::transport::test {
namespace {

const Pairs kAxpert{{"vendor", value("0665")}, {"product", value("0x5161")}};

struct Opened {
  Recorder recorder;
  std::unique_ptr<Transport> transport;
  Opened(Fixture& f, const Pairs& given) : transport(make("hid", given, f.context)) {
    transport->open(recorder);
    REQUIRE(until(f.loop, [&] { return recorder.opened + recorder.closed > 0; }));
  }
};

std::vector<std::string> reports(const Recorder& recorder) {
  std::vector<std::string> out;
  for (const auto& [peer, bytes] : recorder.by_peer) out.push_back(bytes);
  return out;
}

using namespace std::string_literals;

}  // namespace

TEST_CASE("hid: each report comes alone, a number in front is no part of it, longer ones are said once") {
  Fixture f;
  const TempDir dir;
  HidPeer peer{dir.file("hidraw0")};
  set_hid_devices({});
  Opened line{f, {{"path", value(peer.path())}}};
  REQUIRE(line.recorder.opened == 1);
  REQUIRE(until(f.loop, [&] { return peer.accept(); }));
  for (const auto& report : {"(230.0 4"s, "\0009.9 230."s, "2"s, "123456789"s, "0123456789abcdef"s, "fine\r\0\0\0"s})
    REQUIRE(peer.say(report));
  REQUIRE(until(f.loop, [&] { return line.recorder.by_peer.size() == 6; }));
  CHECK(reports(line.recorder) ==
        std::vector{"(230.0 4"s, "9.9 230."s, "2"s, "123456789"s, "0123456789abcdef"s, "fine\r\0\0\0"s});
  REQUIRE(f.logged.size() == 1);
  CHECK(f.logged[0].find("warn tra-hid-size hid " + peer.path() + ": expected reports of 8 bytes, got one of 9;") == 0);
}

TEST_CASE("hid: what is sent is a report of nine bytes, padded, in order") {
  Fixture f;
  const TempDir dir;
  HidPeer peer{dir.file("hidraw0")};
  Opened line{f, {{"path", value(peer.path())}, {"report_gap", config::Value{std::int64_t{1'000'000}}}}};
  REQUIRE(until(f.loop, [&] { return peer.accept(); }));
  CHECK(line.transport->send(as_bytes("MUCHGC02"), {}));
  CHECK(line.transport->send(as_bytes("0\xF3\xF1\r"), {}));
  CHECK_FALSE(line.transport->send(as_bytes("123456789"), {}));
  CHECK_FALSE(line.transport->send({}, {}));
  std::vector<std::string> heard;
  REQUIRE(until(f.loop, [&] {
    if (auto report = peer.hear(); !report.empty()) heard.push_back(std::move(report));
    return heard.size() == 2;
  }));
  CHECK(heard == std::vector{"MUCHGC02"s, "0\xF3\xF1\r\0\0\0\0"s});
}

TEST_CASE("hid: what waits to be sent is bounded") {
  Fixture f;
  const TempDir dir;
  HidPeer peer{dir.file("hidraw0")};
  Opened line{f, {{"path", value(peer.path())}, {"report_gap", config::Value{std::int64_t{1'000'000'000}}}}};
  REQUIRE(until(f.loop, [&] { return peer.accept(); }));
  int taken = 0;
  while (taken < 1000 && line.transport->send(as_bytes("QPI"), {})) ++taken;
  CHECK(taken >= 128);
  CHECK(taken <= 129);
  line.transport->close();
}

TEST_CASE("hid: what waited in the device before is no answer to us") {
  Fixture f;
  const TempDir dir;
  HidPeer peer{dir.file("hidraw0.stale")};
  Opened line{f, {{"path", value(peer.path())}}};
  REQUIRE(until(f.loop, [&] { return peer.accept(); }));
  REQUIRE(peer.say("now"));
  REQUIRE(until(f.loop, [&] { return !line.recorder.bytes.empty(); }));
  CHECK(line.recorder.bytes == "now");
}

TEST_CASE("hid: equal devices are taken in turn, and none that is open already") {
  Fixture f;
  const TempDir dir;
  HidPeer two{dir.file("hidraw2")};
  HidPeer ten{dir.file("hidraw10")};
  HidPeer stranger{dir.file("hidraw3")};
  set_hid_devices({ten.path(), two.path(), stranger.path() + "@046d-c31c"});
  Context other{f.loop, f.context.log};

  const auto open_next = [&](const Context& context) {
    auto recorder = std::make_unique<Recorder>();
    auto transport = make("hid", kAxpert, context);
    transport->open(*recorder);
    REQUIRE(until(f.loop, [&] { return recorder->opened + recorder->closed > 0; }));
    return std::pair{std::move(transport), std::move(recorder)};
  };
  {
    const auto first = open_next(f.context);
    CHECK(until(f.loop, [&] { return two.accept(); }));
    const auto second = open_next(other);
    CHECK(until(f.loop, [&] { return ten.accept(); }));
    const auto third = open_next(other);
    CHECK(third.second->reason.code == "open-failed");
    CHECK(third.second->reason.message ==
          "hid 0665:0x5161: expected a HID device, got one that this program has open already");
  }
  // The one with the wrong serial number was closed: the next is tried, and then the first again.
  f.drain();
  {
    const auto again = open_next(f.context);
    REQUIRE(again.second->opened == 1);
    CHECK(until(f.loop, [&] { return ten.accept(); }));
    CHECK_FALSE(f.context.memory->hid().right);
    CHECK(f.context.memory->hid().path == ten.path());
    again.first->confirm();
    CHECK(f.context.memory->hid().right);
  }
  {
    // It was the right one: no reason to look elsewhere.
    const auto again = open_next(f.context);
    CHECK(f.context.memory->hid().path == ten.path());
  }
  const auto again = open_next(f.context);
  CHECK(f.context.memory->hid().path == two.path());
}

TEST_CASE("hid: the place in the USB tree selects") {
  CHECK(usb_topology("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0/0003:0665:5161.0001") == "1-1.2");
  CHECK(usb_topology("/sys/devices/platform/soc/20980000.usb/usb1/1-1/1-1:1.1/0003:046D:C31C.0002") == "1-1");
  CHECK(usb_topology("3-4.1.2:1.0") == "3-4.1.2");
  CHECK(usb_topology("/dev/hidraw0").empty());
  CHECK(usb_topology("").empty());

  Fixture f;
  const TempDir dir;
  HidPeer one{dir.file("hidraw0")};
  set_hid_devices({one.path()});
  auto given = kAxpert;
  given.emplace_back("usb_path", value("1-1.3"));
  const Opened nowhere{f, given};
  CHECK(nowhere.recorder.reason.message.find("hid 0665:0x5161 at 1-1.3: expected a HID device, got No such") == 0);
}

TEST_CASE("hid: without permission it says which rule gives it") {
  Fixture f;
  const TempDir dir;
  HidPeer peer{dir.file("hidraw0.denied")};
  set_hid_devices({peer.path()});
  const Opened line{f, kAxpert};
  CHECK(line.recorder.reason.code == "open-failed");
  CHECK(line.recorder.reason.message.find("got Permission denied\n  hint") != std::string::npos);
  CHECK(line.recorder.reason.message.find(
            R"(KERNEL=="hidraw*", ATTRS{idVendor}=="0665", GROUP="plugdev", MODE="0660")") != std::string::npos);
  CHECK_FALSE(line.recorder.final);
}

TEST_CASE("hid: a device is needed, and said how to name it") {
  Fixture f;
  set_hid_devices({});
  CHECK(Opened{f, {}}.recorder.reason.message.find(
            "expected `path`, or `vendor` and `product` in hexadecimal digits, got neither") != std::string::npos);
  CHECK(Opened{f, {{"vendor", value("Voltronic")}, {"product", value("5161")}}}.recorder.reason.message.find(
            "got 'Voltronic' and '5161'") != std::string::npos);
  CHECK(Opened{f, kAxpert}.recorder.reason.message.find("got No such file or directory\n  hint  is it plugged in") !=
        std::string::npos);
}

TEST_CASE("hid: it comes back under another number") {
  Fixture f;
  const TempDir dir;
  auto peer = std::make_unique<HidPeer>(dir.file("hidraw0"));
  set_hid_devices({dir.file("hidraw0"), dir.file("hidraw1")});
  std::string received;
  std::vector<std::string> ends;
  Link link{f.context,
            [&] { return make("hid", kAxpert, f.context); },
            {.backoff = {.first = 1ms, .ceiling = 5ms, .factor = 2, .jitter = 0}, .silence = 0ns, .seed = 1},
            {.on_open = [] {},
             .on_bytes = [&](Bytes b, const Meta&) { received.append(b.begin(), b.end()); },
             .on_closed = [&](const Reason& r, bool) { ends.push_back(r.code); }}};
  link.start();
  REQUIRE(until(f.loop, [&] { return link.state() == Link::State::open && peer->accept(); }));
  REQUIRE(peer->say("before"));
  REQUIRE(until(f.loop, [&] { return received == "before"; }));
  peer.reset();
  REQUIRE(until(f.loop, [&] { return ends.size() >= 3; }));
  CHECK(ends[0] == "vanished");
  CHECK(ends[1] == "open-failed");
  HidPeer next{dir.file("hidraw1")};
  REQUIRE(until(f.loop, [&] { return link.state() == Link::State::open && next.accept(); }));
  REQUIRE(next.say(" after"));
  REQUIRE(until(f.loop, [&] { return received == "before after"; }));
  // Closed and opened again at once: the old threads are waited for.
  link.reopen("test");
  REQUIRE(until(f.loop, [&] { return link.opened() == 3; }));
}

TEST_CASE("hid: seqpacket_listen plays the device") {
  Fixture f;
  const TempDir dir;
  Recorder twin;
  const auto served = make("seqpacket_listen", {{"path", value(dir.file("hid"))}}, f.context);
  served->open(twin);
  REQUIRE(until(f.loop, [&] { return twin.opened == 1; }));
  Opened line{f, {{"path", value(dir.file("hid"))}}};
  REQUIRE(line.recorder.opened == 1);
  REQUIRE(until(f.loop, [&] { return twin.peers.size() == 1; }));
  CHECK(line.transport->send(as_bytes("QPI\xBE\xAC\r"), {}));
  REQUIRE(until(f.loop, [&] { return !twin.bytes.empty(); }));
  CHECK(twin.bytes == "QPI\xBE\xAC\r\0\0"s);
  for (const auto& report : {"(PI30\x9A\x0B"s + "\r", "\0\0\0\0\0\0\0\0"s})
    CHECK(served->send(as_bytes(report), twin.peers[0].first));
  REQUIRE(until(f.loop, [&] { return line.recorder.by_peer.size() == 2; }));
  CHECK(reports(line.recorder)[0] == "(PI30\x9A\x0B\r");
  line.transport->close();
  REQUIRE(until(f.loop, [&] { return twin.peers.size() == 2; }));
  CHECK_FALSE(twin.peers[1].second);
}

}  // namespace mesura::transport::test
