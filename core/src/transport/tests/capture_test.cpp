// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/capture.hpp"

#include "fixture.hpp"
#include "runtime/time_text.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <iterator>

namespace mesura::transport::test {
namespace {

namespace fs = std::filesystem;

// 2026-06-14T12:45:01.000Z
constexpr std::int64_t kTime = 1'781'441'101'000'000'000;

std::string slurp(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void spit(const std::string& path, std::string_view bytes) { std::ofstream{path, std::ios::binary} << bytes; }

std::vector<std::string> files(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{directory}) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// "kind time peer payload" of every record, the file fed in pieces of `cut` bytes.
std::vector<std::string> records(const std::string& file, std::size_t cut, std::string* error = nullptr) {
  CaptureParser parser;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < file.size(); at += cut) {
    parser.push(as_bytes(std::string_view{file}.substr(at, cut)));
    while (const auto r = parser.next())
      out.push_back(std::to_string(static_cast<int>(r->kind)) + " " + std::to_string(r->time_ns - kTime) + " " +
                    std::string{r->peer} + " " + std::string{r->payload.begin(), r->payload.end()});
  }
  if (error != nullptr) *error = parser.error();
  return out;
}

/// A small capture: three records with times 0, 1 s and 3 s.
std::string sample() {
  const TempDir dir;
  ManualFixture f;
  CaptureWriter writer{f.context, {.directory = dir.file("new/folder"), .name = "grid"}};
  f.clock.set_wall(kTime);
  writer.opened("tcp p1.local:23");
  writer.bytes(as_bytes("first"), {.received_ns = kTime + 1'000'000'000, .offset = 0, .peer = "10.0.0.1:5"});
  writer.bytes(as_bytes(std::string_view{"\0\xff", 2}), {.received_ns = kTime + 3'000'000'000, .offset = 5});
  CHECK(files(dir.file("new/folder")) == std::vector<std::string>{"grid-20260614T124501.000Z.mcap"});
  return slurp(dir.file("new/folder/grid-20260614T124501.000Z.mcap"));
}

const std::vector<std::string> kSample{"1 0  tcp p1.local:23", "2 1000000000 10.0.0.1:5 first",
                                       std::string{"2 3000000000  \0\xff", 16}};

}  // namespace

TEST_CASE("capture: the format is what the header says, byte by byte") {
  const TempDir dir;
  ManualFixture f;
  CaptureWriter writer{f.context, {.directory = dir.path.string(), .name = "g"}};
  writer.bytes(as_bytes("123456789"), {.received_ns = 0x0102030405060708, .offset = 0, .peer = "p"});
  const auto file = slurp(dir.path / files(dir.path)[0]);
  const std::string head{"\x93MESCAP\n\x01\0\0\0\0\0\0\0", 16};
  const std::string record{"\x09\0\0\0\x02\x01\0\0\x08\x07\x06\x05\x04\x03\x02\x01p123456789", 26};
  REQUIRE(file.size() == 16 + 26 + 4);
  CHECK(file.substr(0, 16) == head);
  CHECK(file.substr(16, 26) == record);
  // CRC-32 of the 26 bytes, by zlib.
  CHECK(file.substr(42) == std::string{"\xb5\x70\xe0\xa9", 4});
}

TEST_CASE("capture: topic and status are kept where there are any, byte by byte") {
  const TempDir dir;
  ManualFixture f;
  CaptureWriter writer{f.context, {.directory = dir.path.string(), .name = "g"}};
  writer.bytes(as_bytes("why"),
               {.received_ns = 0x0102030405060708, .offset = 0, .peer = "h:80", .topic = "GET /", .status = -1});
  writer.bytes(as_bytes("m"), {.received_ns = 1, .offset = 3, .peer = {}, .topic = "p1/x", .status = 0});
  writer.bytes({}, {.received_ns = 2, .offset = 4, .peer = "h:80", .topic = {}, .status = 204});
  writer.bytes(as_bytes("plain"), {.received_ns = 3, .offset = 4});
  const auto file = slurp(dir.path / files(dir.path)[0]);
  CHECK(file.substr(16, 16 + 4 + 2 + 5 + 3) ==
        std::string{"\x03\0\0\0\x02\x04\x07\0\x08\x07\x06\x05\x04\x03\x02\x01h:80\xFF\xFFGET /why", 30});
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, file.size()}) {
    CaptureParser parser;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < file.size(); at += cut) {
      parser.push(as_bytes(std::string_view{file}.substr(at, cut)));
      while (const auto r = parser.next())
        got.push_back(std::string{r->peer} + "|" + std::string{r->topic} + "|" + std::to_string(r->status) + "|" +
                      std::string{r->payload.begin(), r->payload.end()});
    }
    CHECK(parser.error().empty());
    CHECK(got == std::vector<std::string>{"h:80|GET /|-1|why", "|p1/x|0|m", "h:80||204|", "||0|plain"});
  }

  struct Notes final : Listener {
    void on_open() override {}
    void on_bytes(Bytes bytes, const Meta& meta) override {
      all.push_back(std::string{meta.topic} + "|" + std::to_string(meta.status) + "|" +
                    std::string{bytes.begin(), bytes.end()});
    }
    void on_closed(const Reason&, bool) override { ended = true; }
    std::vector<std::string> all;
    bool ended = false;
  } notes;
  const auto transport =
      make("replay", {{"path", value((dir.path / files(dir.path)[0]).string())}, {"speed", value("max")}}, f.context);
  transport->open(notes);
  f.drain();
  CHECK(notes.ended);
  CHECK(notes.all == std::vector<std::string>{"GET /|-1|why", "p1/x|0|m", "|204|", "|0|plain"});
}

TEST_CASE("capture: it reads back the same however it is cut") {
  const auto file = sample();
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, std::size_t{16}, file.size()})
    CHECK(records(file, cut) == kSample);
  CHECK(is_capture(as_bytes(file)));
  CHECK(is_capture(as_bytes(std::string_view{file}.substr(0, 8))));
  CHECK_FALSE(is_capture(as_bytes(std::string_view{file}.substr(0, 7))));
  CHECK_FALSE(is_capture(as_bytes("/KFM5KAIFA-METER")));
}

TEST_CASE("capture: a torn tail costs the torn record only") {
  const auto file = sample();
  std::size_t least = 3;
  for (std::size_t size = file.size(); size >= 16; --size) {
    std::string error;
    const auto got = records(file.substr(0, size), 1000, &error);
    CHECK(error.empty());
    REQUIRE(got.size() <= least);
    least = got.size();
    CHECK(std::equal(got.begin(), got.end(), kSample.begin()));
  }
  CHECK(least == 0);
}

TEST_CASE("capture: files joined end to end are one") {
  auto twice = kSample;
  twice.insert(twice.end(), kSample.begin(), kSample.end());
  const auto file = sample();
  CHECK(records(file.substr(0, 16) + file + file, 3) == twice);
}

TEST_CASE("capture: damage is told with its place, and never read as data") {
  const auto file = sample();
  std::string error;
  for (std::size_t at = 0; at < file.size(); ++at) {
    auto bad = file;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    const auto got = records(bad, 1000, &error);
    INFO("byte " << at);
    // The rest of the header is reserved; a longer length may look like a torn tail.
    if (at >= 10 && at < 16) continue;
    CHECK(got.size() < 3);
    CHECK(std::equal(got.begin(), got.end(), kSample.begin()));
  }
  records("/KFM5 raw bytes", 1000, &error);
  CHECK(error == "at byte 0: no capture: the magic bytes are missing");
  auto newer = file;
  newer[8] = 2;
  records(newer, 1000, &error);
  CHECK(error == "at byte 0: a capture of version 2, this program reads version 1");
  auto broken = file;
  broken[40] ^= 1;
  records(broken, 1000, &error);
  CHECK(error == "at byte 16: a record with a wrong CRC");
}

TEST_CASE("capture: size is kept by cutting and deleting the oldest") {
  const TempDir dir;
  ManualFixture f{};
  f.clock.set_wall(kTime);
  CaptureWriter writer{f.context, {.directory = dir.path.string(), .name = "grid", .keep = 0ns, .max_bytes = 80'000}};
  spit(dir.file("grid-2-20200101T000000.000Z.mcap"), "of another device");
  spit(dir.file("notes.txt"), "somebody's");
  const std::string chunk = pattern(1000);
  for (int i = 0; i < 500; ++i) {
    f.clock.advance(1'000'000'000);
    writer.bytes(as_bytes(chunk), {.received_ns = f.clock.wall_ns(), .offset = 0});
  }
  std::uintmax_t total = 0;
  std::string last;
  int own = 0;
  for (const auto& name : files(dir.path)) {
    if (name.rfind("grid-2026", 0) != 0) continue;
    ++own;
    const auto size = fs::file_size(dir.path / name);
    CHECK(size <= 10'000);
    total += size;
    last = name;
  }
  CHECK(own == 8);
  CHECK(total <= 80'000);
  CHECK(total > 60'000);
  const auto newest = records(slurp(dir.path / last), 1000);
  CHECK(newest.back().rfind("2 500000000000 ", 0) == 0);
  CHECK(fs::exists(dir.file("grid-2-20200101T000000.000Z.mcap")));
  CHECK(fs::exists(dir.file("notes.txt")));
}

TEST_CASE("capture: age cuts and deletes files") {
  const TempDir dir;
  Fixture f;
  CaptureWriter writer{f.context, {.directory = dir.path.string(), .name = "grid", .keep = 8h, .max_bytes = 0}};
  const auto now = f.clock.wall_ns();
  const auto hours = [](int n) { return n * 3'600'000'000'000; };
  spit(dir.file("grid-20200101T000000.000Z.mcap"), "old");
  const auto old_time = timespec{(now - hours(9)) / 1'000'000'000, 0};
  const std::array<timespec, 2> times{old_time, old_time};
  REQUIRE(::utimensat(AT_FDCWD, dir.file("grid-20200101T000000.000Z.mcap").c_str(), times.data(), 0) == 0);
  spit(dir.file("grid-20200102T000000.000Z.mcap"), "written just now");

  writer.bytes(as_bytes("a"), {.received_ns = now, .offset = 0});
  writer.bytes(as_bytes("b"), {.received_ns = now + hours(1), .offset = 0});
  writer.bytes(as_bytes("c"), {.received_ns = now + hours(1) + 1, .offset = 0});
  const auto left = files(dir.path);
  REQUIRE(left.size() == 3);
  CHECK(left[0] == "grid-20200102T000000.000Z.mcap");
  CHECK(records(slurp(dir.path / left[1]), 1000).size() == 2);
  CHECK(records(slurp(dir.path / left[2]), 1000).size() == 1);
}

TEST_CASE("capture: a killed process loses nothing that was recorded") {
  const TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    ManualFixture f;
    CaptureWriter writer{f.context, {.directory = dir.path.string(), .name = "grid"}};
    for (int i = 0; i < 100; ++i) writer.bytes(as_bytes("telegram"), {.received_ns = kTime + i, .offset = 0});
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(records(slurp(dir.path / files(dir.path)[0]), 1000).size() == 100);
}

TEST_CASE("capture: a full disk is told once, costs records only, and leaves a whole file") {
  const TempDir dir;
  ManualFixture f;
  f.clock.set_wall(kTime);
  CaptureWriter writer{f.context, {.directory = dir.path.string(), .name = "grid"}};
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{1000, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const std::string chunk(100, 'x');
  for (int i = 0; i < 20; ++i) {
    f.advance(600ms);
    writer.bytes(as_bytes(chunk), {.received_ns = kTime + i, .offset = 0});
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  f.advance(1s);
  writer.bytes(as_bytes("works again"), {.received_ns = kTime + 99, .offset = 0});

  const auto got = records(slurp(dir.path / files(dir.path)[0]), 1000);
  REQUIRE(got.size() == 9);  // (1000 - 16) / 120 = 8
  CHECK(got.back() == "2 99  works again");
  CHECK(writer.lost() == 12);
  REQUIRE(f.logged.size() == 2);
  CHECK(f.logged[0].find("error tra-capture") == 0);
  CHECK(f.logged[0].find("to write a record, got File too large") != std::string::npos);
  CHECK(f.logged[1].find("goes on; 12 records were lost") != std::string::npos);
}

TEST_CASE("replay: bytes come at the times of the recording, divided by the speed") {
  const TempDir dir;
  spit(dir.file("c"), sample());
  ManualFixture f;
  const int speed = GENERATE(1, 10);
  Recorder recorder;
  const auto transport =
      make("replay", {{"path", value(dir.file("c"))}, {"speed", value(std::to_string(speed))}}, f.context);
  transport->open(recorder);
  f.drain();
  CHECK(recorder.bytes == "first");
  f.advance(2'000ms / speed - 1ns);
  CHECK(recorder.bytes == "first");
  CHECK_FALSE(recorder.ended());
  f.advance(1ns);
  CHECK(recorder.bytes == std::string{"first\0\xff", 7});
  CHECK(recorder.times == std::vector<std::int64_t>{kTime + 1'000'000'000, kTime + 3'000'000'000});
  CHECK(recorder.by_peer[0].first == "10.0.0.1:5");
  CHECK(recorder.ended());
  CHECK(recorder.final);
  CHECK(recorder.reason.message == "replay " + dir.file("c") + ": played to its end");
}

TEST_CASE("replay: what cannot be played says why") {
  const TempDir dir;
  const auto good = sample();
  spit(dir.file("good"), good);
  spit(dir.file("torn"), good.substr(0, good.size() - 1));
  spit(dir.file("raw"), "/KFM5KAIFA-METER\r\n");
  spit(dir.file("short"), "/K");
  const auto play = [&](const std::string& name, const std::string& speed) {
    ManualFixture f;
    Recorder recorder;
    const auto transport = make("replay", {{"path", value(dir.file(name))}, {"speed", value(speed)}}, f.context);
    transport->open(recorder);
    f.drain();
    CHECK(recorder.ended());
    CHECK(recorder.final);
    return recorder.reason;
  };
  CHECK(play("torn", "max").message.find("left out 21 bytes of a torn record") != std::string::npos);
  CHECK(play("raw", "max").code == "damaged");
  CHECK(play("raw", "max").message.find("transport `file`") != std::string::npos);
  CHECK(play("short", "max").code == "damaged");
  CHECK(play("missing", "max").message.find("No such file or directory") != std::string::npos);
  for (const char* speed : {"", "0", "-1", "fast", "1x", "nan", "inf", "1e9"})
    CHECK(play("good", speed).message.find("expected a speed") != std::string::npos);
}

}  // namespace mesura::transport::test
