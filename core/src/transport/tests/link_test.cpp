// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/link.hpp"

#include "fixture.hpp"
#include "support/catch.hpp"
#include "transport/capture.hpp"

#include <fstream>
#include <iterator>

namespace mesura::transport::test {
namespace {

/// A transport that does what the test says.
class Scripted final : public Transport {
 public:
  struct Script {
    Listener* listener = nullptr;  ///< of the transport that is open or opening
    int made = 0;
    int opens = 0;
    int closes = 0;
    int confirmed = 0;
    bool live = true;
    std::string sent;
  };

  explicit Scripted(Script& script) : script_(script) { ++script_.made; }
  ~Scripted() override { Scripted::close(); }
  void open(Listener& listener) override {
    ++script_.opens;
    listener_ = script_.listener = &listener;
  }
  void close() override {
    if (listener_ == nullptr) return;
    ++script_.closes;
    listener_ = script_.listener = nullptr;
  }
  bool send(Bytes bytes, std::string_view to) override {
    script_.sent.append(to).append(bytes.begin(), bytes.end());
    return true;
  }
  void drop(std::string_view peer) override { script_.sent.append("drop ").append(peer); }
  bool set_lines(int rts, int dtr) override { return rts == 1 && dtr == 0; }
  void confirm() override { ++script_.confirmed; }
  [[nodiscard]] std::string describe() const override { return "scripted line"; }
  [[nodiscard]] bool live() const override { return script_.live; }

 private:
  Script& script_;
  Listener* listener_ = nullptr;
};

struct Supervised {
  ManualFixture f;
  Scripted::Script script;
  std::vector<std::string> told;
  Link link;

  explicit Supervised(std::chrono::nanoseconds silence = 0ns)
      : link(f.context, [this] { return std::make_unique<Scripted>(script); },
             {.backoff = {.first = 1s, .ceiling = 30s, .factor = 2, .jitter = 0}, .silence = silence, .seed = 1},
             {.on_open = [this] { told.emplace_back("open"); },
              .on_bytes =
                  [this](Bytes bytes, const Meta&) {
                    told.emplace_back(std::string{bytes.begin(), bytes.end()});
                  },
              .on_closed = [this](const Reason& r, bool final) { told.push_back(r.code + (final ? " final" : "")); },
              .on_peer = [this](std::string_view peer,
                                bool joined) { told.push_back(std::string{peer} + (joined ? " joined" : " gone")); }}) {
  }

  void fail(const char* code = "vanished", bool final = false) {
    REQUIRE(script.listener != nullptr);
    script.listener->on_closed({code, "scripted line: gone"}, final);
  }
  void open() {
    link.start();
    script.listener->on_open();
  }
  void bytes(std::string_view text) { script.listener->on_bytes(as_bytes(text), {}); }
};

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("link: each attempt is a fresh transport, later and later up to the ceiling") {
  Supervised s;
  s.link.start();
  CHECK(s.link.state() == Link::State::connecting);
  int attempts = 1;
  for (const auto delay : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    s.fail("refused");
    CHECK(s.link.state() == Link::State::waiting);
    s.f.advance(std::chrono::nanoseconds{delay} - 1ns);
    CHECK(s.script.opens == attempts);
    s.f.advance(1ns);
    CHECK(s.script.opens == ++attempts);
    CHECK(s.link.state() == Link::State::connecting);
  }
  CHECK(s.script.made == attempts);
  CHECK(s.link.last_reason().code == "refused");
}

TEST_CASE("link: only confirmed data resets the back-off") {
  Supervised s;
  s.open();
  s.fail();
  s.f.advance(1s);
  s.script.listener->on_open();
  s.bytes("noise");
  s.fail();
  s.f.advance(1s);
  CHECK(s.script.opens == 2);  // 2 s by now
  s.f.advance(1s);
  CHECK(s.script.opens == 3);
  s.script.listener->on_open();
  s.link.confirm();
  s.link.confirm();
  CHECK(s.script.confirmed == 1);
  s.fail();
  s.f.advance(1s);
  CHECK(s.script.opens == 4);
  CHECK(s.link.opened() == 3);
  CHECK(s.link.bytes_received() == 5);
}

TEST_CASE("link: silence closes and opens again, bytes put it off") {
  Supervised s{20s};
  s.open();
  s.f.advance(19s);
  s.bytes("telegram");
  s.f.advance(19s);
  CHECK(s.told == Told{"open", "telegram"});
  s.f.advance(1s);
  CHECK(s.told == Told{"open", "telegram", "silent"});
  CHECK(s.script.closes == 1);
  CHECK(s.link.last_reason().message.find("got none for 20 s") != std::string::npos);
  s.f.advance(1s);
  CHECK(s.script.opens == 2);
}

TEST_CASE("link: what is not live may be silent") {
  Supervised s{20s};
  s.script.live = false;
  s.open();
  CHECK_FALSE(s.link.live());
  s.f.advance(1h);
  CHECK(s.told == Told{"open"});
}

TEST_CASE("link: a final end is the last") {
  Supervised s;
  s.open();
  s.fail("ended", true);
  CHECK(s.link.state() == Link::State::finished);
  s.f.advance(1h);
  CHECK(s.script.opens == 1);
  CHECK(s.told == Told{"open", "ended final"});
  CHECK(s.f.logged == Told{"info tra-open scripted line: open"});
}

TEST_CASE("link: a reopen is told by the loop, not inside the call") {
  Supervised s;
  s.open();
  s.link.reopen("wrong dialect");
  s.link.reopen("once is enough");
  CHECK(s.told == Told{"open"});
  CHECK(s.script.closes == 1);
  s.f.drain();
  CHECK(s.told == Told{"open", "asked"});
  CHECK(s.link.last_reason().message == "scripted line: wrong dialect");
  s.link.reopen("while waiting, nothing is to be done");
  s.f.advance(1s);
  CHECK(s.script.opens == 2);
  CHECK(s.told == Told{"open", "asked"});
}

TEST_CASE("link: stopped, it says nothing more and can be started again") {
  Supervised s;
  s.open();
  s.link.stop();
  CHECK(s.script.closes == 1);
  CHECK(s.link.state() == Link::State::idle);
  s.f.advance(1h);
  CHECK(s.told == Told{"open"});
  s.link.start();
  s.script.listener->on_open();
  CHECK(s.told == Told{"open", "open"});
}

TEST_CASE("link: it may be stopped in each of its callbacks") {
  ManualFixture f;
  Scripted::Script script;
  const int when = GENERATE(0, 1, 2);
  Link* self = nullptr;
  int calls = 0;
  const auto stop_at = [&](int which) {
    ++calls;
    if (which == when) self->stop();
  };
  Link link{f.context,
            [&] { return std::make_unique<Scripted>(script); },
            {},
            {.on_open = [&] { stop_at(0); },
             .on_bytes = [&](Bytes, const Meta&) { stop_at(1); },
             .on_closed = [&](const Reason&, bool) { stop_at(2); }}};
  self = &link;
  link.start();
  Listener* const listener = script.listener;
  listener->on_open();
  if (when >= 1) listener->on_bytes(as_bytes("x"), {});
  if (when >= 2) listener->on_closed({"eof", "gone"}, false);
  CHECK(calls == when + 1);
  CHECK(script.listener == nullptr);
  f.advance(1h);
  CHECK(script.opens == 1);
}

TEST_CASE("link: it passes on who comes and goes, and drops who is to go") {
  Supervised s;
  s.link.drop("nobody yet");
  s.open();
  s.script.listener->on_peer("192.0.2.1:5", true);
  s.link.drop("192.0.2.1:5");
  s.script.listener->on_peer("192.0.2.1:5", false);
  CHECK(s.told == Told{"open", "192.0.2.1:5 joined", "192.0.2.1:5 gone"});
  CHECK(s.script.sent == "drop 192.0.2.1:5");
}

TEST_CASE("link: sending and lines go to the open transport only") {
  Supervised s;
  CHECK_FALSE(s.link.send(as_bytes("x"), {}));
  CHECK_FALSE(s.link.set_lines(1, 0));
  s.link.start();
  CHECK_FALSE(s.link.send(as_bytes("x"), {}));
  s.script.listener->on_open();
  CHECK(s.link.send(as_bytes("bytes"), "peer:"));
  CHECK(s.link.set_lines(1, 0));
  CHECK_FALSE(s.link.set_lines(0, 0));
  CHECK(s.script.sent == "peer:bytes");
  CHECK(s.link.describe() == "scripted line");
}

TEST_CASE("link: an outage is three kinds of lines in the log") {
  Supervised s;
  s.open();
  s.fail();
  for (int i = 0; i < 10; ++i) {
    s.f.advance(30s);
    s.fail("refused");
  }
  s.f.advance(30s);
  s.script.listener->on_open();
  s.bytes("again");
  s.bytes("again");
  CHECK(s.f.logged == Told{
                          "info tra-open scripted line: open",
                          "warn tra-vanished scripted line: gone\n  next  try in 1.0 s",
                          "warn tra-still-down down for 60 s, 3 failures; the latest: scripted line: gone",
                          "warn tra-still-down down for 2 min, 5 failures; the latest: scripted line: gone",
                          "warn tra-still-down down for 3 min, 7 failures; the latest: scripted line: gone",
                          "warn tra-still-down down for 4 min, 9 failures; the latest: scripted line: gone",
                          "warn tra-still-down down for 5 min, 11 failures; the latest: scripted line: gone",
                          "info tra-recovered scripted line: back after 5 min and 11 failures",
                      });
}

TEST_CASE("link: open for a while, a line that says nothing counts as recovered") {
  Supervised s;
  s.link.start();
  s.fail();
  s.f.advance(1s);
  s.script.listener->on_open();
  s.f.advance(10s);
  CHECK(s.f.logged.back() == "info tra-recovered scripted line: back after 11 s and 1 failure");
}

TEST_CASE("link: everything received is captured") {
  const TempDir dir;
  Supervised s;
  const auto writer =
      std::make_shared<CaptureWriter>(s.f.context, CaptureWriter::Options{.directory = dir.path.string(), .name = "d"});
  s.link.capture_to(writer);
  s.open();
  s.bytes("one");
  s.bytes("two");
  s.fail("eof");
  s.f.advance(1s);
  s.script.listener->on_open();
  s.link.capture_to(nullptr);
  s.bytes("not any more");

  CaptureParser parser;
  std::ifstream in{std::filesystem::directory_iterator{dir.path} -> path(), std::ios::binary};
  parser.push(as_bytes(std::string{std::istreambuf_iterator<char>{in}, {}}));
  Told records;
  while (const auto r = parser.next())
    records.push_back(std::to_string(static_cast<int>(r->kind)) + " " +
                      std::string{r->payload.begin(), r->payload.end()});
  CHECK(records == Told{"1 scripted line", "2 one", "2 two", "3 eof", "1 scripted line"});
}

TEST_CASE("link: it keeps a real line alive over unplugging") {
  Fixture f;
  auto pty = make_pty();
  const TempDir dir;
  std::filesystem::create_symlink(pty.device, dir.file("by-id"));
  std::string received;
  int closed = 0;
  Link link{f.context,
            [&] {
              return make("serial", {{"path", value(dir.file("by-id"))}}, f.context);
            },
            {.backoff = {.first = 1ms, .ceiling = 5ms, .factor = 2, .jitter = 0.2}, .silence = 0ns, .seed = 1},
            {.on_open = [] {},
             .on_bytes = [&](Bytes b, const Meta&) { received.append(b.begin(), b.end()); },
             .on_closed = [&](const Reason&, bool) { ++closed; }}};
  link.start();
  REQUIRE(until(f.loop, [&] { return link.state() == Link::State::open; }));
  CHECK(write_now(pty.master.get(), "before ") == 7);
  REQUIRE(until(f.loop, [&] { return received == "before "; }));

  pty.master.reset();
  REQUIRE(until(f.loop, [&] { return closed >= 3; }));  // gone, and not there when asked again
  const auto next = make_pty();
  std::filesystem::remove(dir.file("by-id"));
  std::filesystem::create_symlink(next.device, dir.file("by-id"));
  REQUIRE(until(f.loop, [&] { return link.state() == Link::State::open; }));
  CHECK(write_now(next.master.get(), "after") == 5);
  REQUIRE(until(f.loop, [&] { return received == "before after"; }));
  CHECK(link.opened() == 2);
}

}  // namespace mesura::transport::test
