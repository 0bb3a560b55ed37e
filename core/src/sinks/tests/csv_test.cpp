// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/csv/csv_sink.hpp"
#include "sinks/csv/format.hpp"
#include "sinks/tests/sink_fixtures.hpp"

#include "support/catch.hpp"

#include <zlib.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;

namespace {

std::string number(double value) {
  char text[csv::kNumberRoom];
  return {text, csv::write_number(text, value)};
}

std::string time(csv::TimeWriter& writer, std::int64_t ns) {
  char text[csv::kNumberRoom];
  return {text, writer.write(text, ns)};
}

std::string gunzip(const std::filesystem::path& path) {
  gzFile in = ::gzopen(path.c_str(), "rb");
  REQUIRE(in != nullptr);
  std::string out;
  char part[4096];
  for (int n = 0; (n = ::gzread(in, part, sizeof part)) > 0;) out.append(part, static_cast<std::size_t>(n));
  ::gzclose(in);
  return out;
}

struct Fixture {
  TempDir dir;
  Feed feed;
  csv::Options options{dir.path(), csv::Form::wide, 0, {}, false};

  std::unique_ptr<csv::CsvSink> sink() const {
    return std::make_unique<csv::CsvSink>(options, feed.table(), runtime::Logger{});
  }
  [[nodiscard]] std::string file(const std::string& name) const { return read_file(dir.path() / name); }
  [[nodiscard]] std::vector<std::string> files() const { return list_files(dir.path()); }
};

}  // namespace

TEST_CASE("numbers are short, exact and without needless exponents", "[csv]") {
  CHECK(number(0) == "0");
  CHECK(number(-0.5) == "-0.5");
  CHECK(number(100000) == "100000");
  CHECK(number(441879) == "441879");
  CHECK(number(1843.27) == "1843.27");
  CHECK(number(0.1) == "0.1");
  CHECK(number(0.00001) == "0.00001");
  CHECK(number(1e-7) == "1e-07");
  CHECK(number(-999999999999999) == "-999999999999999");
  CHECK(number(1e15) == "1e+15");
  CHECK(number(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
}

TEST_CASE("every way to write a number gives the shortest text that reads back", "[csv]") {
  std::uint64_t random = 88172645463325252U;
  const auto next = [&] {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return random;
  };
  for (int i = 0; i < 300'000; ++i) {
    const double scale = std::pow(10.0, static_cast<double>(next() % 7));
    double value = static_cast<double>(next() % 10'000'000'000U) / scale;
    if (i % 3 == 1) value = std::nextafter(value, i % 2 == 0 ? 0.0 : 1e300);
    if (i % 5 == 2) value = -value;
    const std::string text = number(value);
    char expected[csv::kNumberRoom];
    const auto end = std::to_chars(expected, expected + sizeof expected, value, std::chars_format::fixed).ptr;
    if (std::fabs(value) < 1e-5 && value != 0) continue;
    if (text != std::string(expected, end)) FAIL(text << " is not " << std::string(expected, end));
  }
  SUCCEED();
}

TEST_CASE("times have the decimals they need", "[csv]") {
  csv::TimeWriter writer;
  CHECK(time(writer, kNoon) == "2026-06-14T12:00:00.000Z");
  CHECK(time(writer, kNoon + 213'000'000) == "2026-06-14T12:00:00.213Z");
  CHECK(time(writer, kNoon + 213'004'000) == "2026-06-14T12:00:00.213004Z");
  CHECK(time(writer, kNoon + kSecond - 1) == "2026-06-14T12:00:00.999999999Z");
  CHECK(time(writer, kNoon + kSecond) == "2026-06-14T12:00:01.000Z");
  CHECK(time(writer, -1) == "1969-12-31T23:59:59.999999999Z");
}

TEST_CASE_METHOD(Fixture, "the wide form: a line per instant", "[csv]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  const auto message = feed.text("grid", "total", "message");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{voltage, 230.1}, {power, 1843.0}, {message, std::string{"say \"hi\""}}}),
                       feed.batch(kNoon + kSecond, {{voltage, 229.9, MESURA_SUSPECT}, {message, std::string{}}}),
                       feed.batch(kNoon + 2 * kSecond, {{power, 5.0, MESURA_DERIVED}})})
              .committed);
  CHECK(files() == std::vector<std::string>{"grid-20260614-120000.csv.part"});
  CHECK(file("grid-20260614-120000.csv.part") ==
        "time,quality,l1_voltage_v,l1_active_power_w,total_message\n"
        "2026-06-14T12:00:00.000Z,,230.1,1843,\"say \"\"hi\"\"\"\n"
        "2026-06-14T12:00:01.000Z,l1_voltage_v=suspect,229.9,,\"\"\n"
        "2026-06-14T12:00:02.000Z,,,5,\n");
}

TEST_CASE_METHOD(Fixture, "the long form: a line per value", "[csv]") {
  options.form = csv::Form::lines;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto s = sink();
  REQUIRE(
      attempt(*s, {feed.batch(kNoon, {{voltage, 230.1}, {power, 1843.0, MESURA_DERIVED | MESURA_STALE}})}).committed);
  CHECK(file("grid-20260614-120000.csv.part") ==
        "time,device,channel,quantity,unit,value,quality\n"
        "2026-06-14T12:00:00.000Z,grid,l1,voltage,V,230.1,\n"
        "2026-06-14T12:00:00.000Z,grid,l1,active_power,W,1843,\"derived,stale\"\n");
}

TEST_CASE_METHOD(Fixture, "a new column starts a new file: a header is always true", "[csv]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{power, 2.0}, {voltage, 230.0}})}).committed);
  CHECK(files() == std::vector<std::string>{"grid-20260614-120000.csv", "grid-20260614-120001.csv.part"});
  CHECK(file("grid-20260614-120000.csv") == "time,quality,l1_active_power_w\n2026-06-14T12:00:00.000Z,,1\n");
  CHECK(file("grid-20260614-120001.csv.part") ==
        "time,quality,l1_active_power_w,l1_voltage_v\n2026-06-14T12:00:01.000Z,,2,230\n");
}

TEST_CASE_METHOD(Fixture, "files change on the grid of the clock and at a size", "[csv]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  SECTION("hourly, UTC") {
    options.every = 1h;
    auto s = sink();
    REQUIRE(attempt(*s, {feed.batch(kNoon - kSecond, {{power, 1.0}}), feed.batch(kNoon, {{power, 2.0}}),
                         feed.batch(kNoon + 3599 * kSecond, {{power, 3.0}})})
                .committed);
    CHECK(files() == std::vector<std::string>{"grid-20260614-115959.csv", "grid-20260614-120000.csv.part"});
    // The hour is over and nothing comes: the file is finished all the same, after a turn of silence.
    s->maintain(kNoon + 3601 * kSecond);
    CHECK(files().back() == "grid-20260614-120000.csv.part");
    s->maintain(kNoon + 3661 * kSecond);
    CHECK(files() == std::vector<std::string>{"grid-20260614-115959.csv", "grid-20260614-120000.csv"});
  }
  SECTION("by size, two in one second") {
    options.max_bytes = 60;
    auto s = sink();
    REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}}), feed.batch(kNoon + 1'000'000, {{power, 2.0}}),
                         feed.batch(kNoon + 2'000'000, {{power, 3.0}})})
                .committed);
    CHECK(files() == std::vector<std::string>{"grid-20260614-120000.csv", "grid-20260614-120001.csv.part"});
    CHECK(file("grid-20260614-120001.csv.part") == "time,quality,l1_active_power_w\n2026-06-14T12:00:00.002Z,,3\n");
  }
}

TEST_CASE_METHOD(Fixture, "a repeat that spans a rotation and a restart changes nothing", "[csv]") {
  options.every = 1h;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const std::vector<BatchPtr> batches{feed.batch(kNoon - kSecond, {{power, 1.0}}), feed.batch(kNoon, {{power, 2.0}})};
  auto s = sink();
  REQUIRE(attempt(*s, batches).committed);
  const auto before = files();
  s->close();
  s = sink();
  REQUIRE(attempt(*s, batches).committed);
  CHECK(files() == before);
  CHECK(file("grid-20260614-115959.csv") == "time,quality,l1_active_power_w\n2026-06-14T11:59:59.000Z,,1\n");
  CHECK(file("grid-20260614-120000.csv.part") == "time,quality,l1_active_power_w\n2026-06-14T12:00:00.000Z,,2\n");
}

TEST_CASE_METHOD(Fixture, "a torn end is cut off, whole lines stay", "[csv]") {
  const std::string header = "time,quality,l1_active_power_w,total_message\n";
  const std::string whole =
      "2026-06-14T12:00:00.000Z,,1,\"two\n2026-06-14T12:00:00.500Z lines, and a \"\"quote\"\"\"\n";
  const auto torn =
      GENERATE(as<std::string>{}, "", "2", "2026-06-14T12:00:01.000Z,,2", "2026-06-14T12:00:01.000Z,,2,\"begun\n",
               std::string(40, '\0'), "2026-06-14T12:00:01.000Z\n");
  write_file(dir.path() / "grid-20260614-120000.csv.part", header + whole + torn);
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}}), feed.batch(kNoon + 2 * kSecond, {{power, 3.0}})}).committed);
  CHECK(file("grid-20260614-120000.csv.part") == header + whole + "2026-06-14T12:00:02.000Z,,3,\n");
}

TEST_CASE_METHOD(Fixture, "a file without a whole header is begun anew", "[csv]") {
  write_file(dir.path() / "grid-20260614-110000.csv.part", "time,qual");
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  CHECK(files() == std::vector<std::string>{"grid-20260614-120000.csv.part"});
}

TEST_CASE_METHOD(Fixture, "a file that a person took away is not written to any more", "[csv]") {
  const auto power = feed.number("grid", "l1", "active_power", "W");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1.0}})}).committed);
  std::filesystem::remove(dir.path() / "grid-20260614-120000.csv.part");
  REQUIRE(attempt(*s, {feed.batch(kNoon + kSecond, {{power, 2.0}})}).committed);
  CHECK(file("grid-20260614-120001.csv.part") == "time,quality,l1_active_power_w\n2026-06-14T12:00:01.000Z,,2\n");
}

TEST_CASE_METHOD(Fixture, "finished files are compressed, the one in progress is not", "[csv]") {
  options.every = 1h;
  options.gzip = true;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  write_file(dir.path() / "grid-20260614-080000.csv.gz.part", "half of an earlier run");
  write_file(dir.path() / "notes.csv", "not ours");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon - kSecond, {{power, 1.0}}), feed.batch(kNoon, {{power, 2.0}})}).committed);
  s->maintain(kNoon + kSecond);
  CHECK(files() ==
        std::vector<std::string>{"grid-20260614-115959.csv.gz", "grid-20260614-120000.csv.part", "notes.csv"});
  CHECK(gunzip(dir.path() / "grid-20260614-115959.csv.gz") ==
        "time,quality,l1_active_power_w\n2026-06-14T11:59:59.000Z,,1\n");
}
