// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// The contract of all transports: one suite, a rig for each kind and way of using it.
#include "fixture.hpp"
#include "rig.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <numeric>

namespace mesura::transport::test {
namespace {

/// One transport with its outside, opened.
struct Line {
  Fixture f;
  std::unique_ptr<Rig> rig;
  std::unique_ptr<Transport> transport;
  Recorder recorder;

  explicit Line(std::size_t which, std::string_view preload = "some bytes") : rig(rigs()[which].make()) {
    if (rig->preloaded) rig->say(preload);
    transport = rig->make(f.context);
  }
  void open() {
    recorder.calling([&] { transport->open(recorder); });
    REQUIRE(until(f.loop, [&] { return recorder.opened + recorder.closed > 0; }));
    INFO(recorder.reason.message);
    REQUIRE(recorder.opened == 1);
    rig->meet(f, *transport);
  }
  bool send(std::string_view bytes) {
    return recorder.calling([&] { return transport->send(as_bytes(bytes), rig->to); });
  }
};

std::size_t any_rig() {
  std::vector<std::size_t> all(rigs().size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return GENERATE_COPY(from_range(all));
}

}  // namespace

TEST_CASE("contract: opening tells once, after the call") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which};
  CHECK_FALSE(line.send("too early"));
  CHECK_FALSE(line.transport->describe().empty());
  line.open();
  line.f.loop.run_once(0ns);
  CHECK(line.recorder.opened == 1);
  CHECK(line.transport->live() == !(line.rig->preloaded || line.rig->end_is_final));
}

TEST_CASE("contract: bytes come in order, with their offsets and times") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  const std::string all = pattern(300'000);
  const auto before = runtime::SystemClock{}.wall_ns();
  Line line{which, all};
  line.open();
  std::size_t said = line.rig->preloaded ? all.size() : 0;
  REQUIRE(until(line.f.loop, [&] {
    if (said < all.size()) said += line.rig->say(std::string_view{all}.substr(said, 20'000));
    return line.recorder.bytes.size() >= all.size();
  }));
  CHECK(line.recorder.bytes == all);
  CHECK(line.recorder.times.front() >= before);
  CHECK(line.recorder.times.back() <= line.f.clock.wall_ns());
  CHECK(std::is_sorted(line.recorder.times.begin(), line.recorder.times.end()));
}

TEST_CASE("contract: after close nothing is said, also when closed in the middle of bytes") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which, pattern(200'000)};
  line.recorder.then_on_bytes = [&] {
    line.recorder.calling([&] { line.transport->close(); });
    line.recorder.forbid_more();
  };
  line.open();
  if (!line.rig->preloaded) line.rig->say("first ");
  REQUIRE(until(line.f.loop, [&] { return !line.recorder.bytes.empty(); }));
  if (!line.rig->preloaded) line.rig->say("second");
  for (int i = 0; i < 5; ++i) line.f.loop.run_once(1ms);
  CHECK(line.recorder.closed == 0);
  CHECK_FALSE(line.send("too late"));
  line.transport->close();
}

TEST_CASE("contract: closed before it has opened, it says nothing at all") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which};
  line.recorder.forbid_more();
  line.transport->open(line.recorder);
  line.transport->close();
  for (int i = 0; i < 5; ++i) line.f.loop.run_once(1ms);
  CHECK(line.recorder.opened == 0);
}

TEST_CASE("contract: closed in on_open, it says nothing more") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which};
  line.recorder.then_on_open = [&] {
    line.transport->close();
    line.recorder.forbid_more();
  };
  line.transport->open(line.recorder);
  REQUIRE(until(line.f.loop, [&] { return line.recorder.opened == 1; }));
  for (int i = 0; i < 5; ++i) line.f.loop.run_once(1ms);
}

TEST_CASE("contract: what is sent arrives, or the transport says no") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which};
  line.open();
  if (!line.rig->hears) {
    CHECK_FALSE(line.send("x"));
    return;
  }
  std::string heard;
  CHECK(line.send("QPI"));
  CHECK(line.send("GS\r"));
  REQUIRE(until(line.f.loop, [&] { return (heard += line.rig->hear()).size() >= 6; }));
  CHECK(heard == "QPIGS\r");
}

TEST_CASE("contract: what waits to be sent is bounded, and what was taken arrives whole") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which};
  if (!line.rig->hears || !line.rig->stream) return;
  line.open();
  const std::string chunk = pattern(60'000);
  std::size_t taken = 0;
  while (taken < 1000 && line.send(chunk)) ++taken;
  CHECK(taken >= 17);   // the bound of 1 MiB
  CHECK(taken < 1000);  // and what the kernel keeps
  std::string heard;
  REQUIRE(until(line.f.loop, [&] { return (heard += line.rig->hear()).size() >= taken * chunk.size(); }));
  std::string expected;
  for (std::size_t i = 0; i < taken; ++i) expected += chunk;
  CHECK(heard == expected);
  CHECK(line.send(chunk));
}

TEST_CASE("contract: the end from outside is told once, with its reason, and leaves nothing that spins") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which};
  line.open();
  if (!line.rig->preloaded) line.rig->say("last words");
  if (!line.rig->can_unplug) return;
  REQUIRE(until(line.f.loop, [&] { return line.recorder.bytes.size() == 10; }));
  line.rig->unplug();
  REQUIRE(until(line.f.loop, [&] { return line.recorder.ended(); }));
  CHECK(line.recorder.reason.code == line.rig->end_code);
  CHECK(line.recorder.reason.message.find(line.transport->describe()) == 0);
  CHECK(line.recorder.final == line.rig->end_is_final);
  CHECK_FALSE(line.send("into the void"));
  CHECK_FALSE(line.f.loop.run_once(0ns));
  CHECK_FALSE(line.f.loop.run_once(0ns));
}

TEST_CASE("contract: open and quiet, or left by its visitor, a transport leaves the loop asleep") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  Line line{which};
  line.open();
  for (int i = 0; i < 20; ++i) line.f.loop.run_once(0ns);
  CHECK_FALSE(line.f.loop.run_once(0ns));
  if (line.rig->can_unplug) return;
  line.rig->unplug();
  for (int i = 0; i < 20; ++i) line.f.loop.run_once(1ms);
  CHECK_FALSE(line.f.loop.run_once(0ns));
  CHECK_FALSE(line.recorder.ended());
}

TEST_CASE("contract: no descriptor is left behind") {
  const auto which = any_rig();
  INFO(rigs()[which].name);
  int before = 0;
  {
    const Fixture idle;
    before = open_descriptors();
  }
  for (int i = 0; i < 20; ++i) {
    Line line{which};
    const bool lingers = line.rig->lingers;
    line.open();
    if (i % 2 == 0) line.rig->unplug();
    line.f.loop.run_once(1ms);
    if (i % 4 < 2) line.transport->close();
    line.transport.reset();
    line.rig.reset();
    if (lingers) CHECK(until(line.f.loop, [&] { return open_descriptors() <= before; }));
    if (i == 3 && !lingers) before = open_descriptors();
    if (i > 3) CHECK(open_descriptors() == before);
  }
}

}  // namespace mesura::transport::test
