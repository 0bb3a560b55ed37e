// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/wall_clock.hpp"

#include "import/csv_time.hpp"
#include "runtime/time_text.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace mesura;
using namespace mesura::importing;

namespace {

/// What becomes of wall clock readings: the instant, with ? where it was guessed, or "skipped".
std::vector<std::string> instants(const std::vector<std::string>& walls, const std::string& zone = "Europe/Brussels") {
  WallOrder<int> order{*model::Zone::find(zone)};
  std::vector<std::string> out;
  const auto drain = [&] {
    WallOrder<int>::Out row;
    while (order.take(row)) {
      CHECK(row.row == static_cast<int>(out.size()));
      out.push_back(row.skipped
                        ? "skipped"
                        : runtime::format_time(row.time_ns, runtime::Precision::seconds) + (row.guessed ? "?" : ""));
    }
  };
  int n = 0;
  for (const auto& wall : walls) {
    order.push(parse_wall(wall).value(), n++);
    drain();
  }
  order.finish();
  drain();
  return out;
}

}  // namespace

TEST_CASE("the order of rows tells the two passes of the autumn hour apart") {
  CHECK(instants({"2026-10-25 01:59:59", "2026-10-25 02:00:00", "2026-10-25 02:59:59", "2026-10-25 02:00:00",
                  "2026-10-25 02:59:59", "2026-10-25 03:00:00"}) ==
        std::vector<std::string>{"2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z", "2026-10-25T00:59:59Z",
                                 "2026-10-25T01:00:00Z", "2026-10-25T01:59:59Z", "2026-10-25T02:00:00Z"});
}

TEST_CASE("the passes are told apart where parts of them are missing") {
  // Restarted in the second pass, earlier on the clock than where it stopped.
  CHECK(instants({"2026-10-25 02:30:00", "2026-10-25 02:31:00", "2026-10-25 02:20:00"}) ==
        std::vector<std::string>{"2026-10-25T00:30:00Z", "2026-10-25T00:31:00Z", "2026-10-25T01:20:00Z"});
  // Only one pass: it goes on from what was before, or into what came after.
  CHECK(instants({"2026-10-25 01:58:00", "2026-10-25 02:00:00", "2026-10-25 12:00:00"})[1] == "2026-10-25T00:00:00Z");
  CHECK(instants({"2026-10-24 12:00:00", "2026-10-25 02:58:00", "2026-10-25 03:00:00"})[1] == "2026-10-25T01:58:00Z");
  // Nothing tells: the first, and said so.
  CHECK(instants({"2026-10-24 12:00:00", "2026-10-25 02:30:00", "2026-10-25 12:00:00"})[1] == "2026-10-25T00:30:00Z?");
  CHECK(instants({"2026-10-25 02:30:00"})[0] == "2026-10-25T00:30:00Z?");
  // A clock that is set back by a second is no second pass.
  CHECK(instants({"2026-10-25 01:59:59", "2026-10-25 02:08:00", "2026-10-25 02:07:59", "2026-10-25 02:08:01"})[3] ==
        "2026-10-25T00:08:01Z");
}

TEST_CASE("in spring the clock skips an hour") {
  CHECK(instants({"2026-03-29 01:59:59", "2026-03-29 02:30:00", "2026-03-29 03:00:00"}) ==
        std::vector<std::string>{"2026-03-29T00:59:59Z", "skipped", "2026-03-29T01:00:00Z"});
  CHECK(instants({"2026-03-29 01:59:59", "2026-03-29 02:30:00"}, "UTC") ==
        std::vector<std::string>{"2026-03-29T01:59:59Z", "2026-03-29T02:30:00Z"});
}

TEST_CASE("more rows than are held back do not take more memory, and none is lost") {
  constexpr std::size_t kRows = WallOrder<int>::kHeld + 10;
  WallOrder<int> order{*model::Zone::find("Europe/Brussels")};
  const std::int64_t hour = parse_wall("2026-10-25 02:00:00").value();
  order.push(hour - 1'000'000'000, -1);
  std::size_t taken = 0;
  WallOrder<int>::Out row;
  for (std::size_t i = 0; i < kRows; ++i)
    order.push(hour + static_cast<std::int64_t>(i) * 1'000'000, static_cast<int>(i));
  while (order.take(row)) ++taken;
  CHECK(taken == 1 + WallOrder<int>::kHeld);
  order.finish();
  while (order.take(row)) ++taken;
  CHECK(taken == 1 + kRows);
}

TEST_CASE("times of CSV files") {
  const auto utc = [](const std::string& format, const std::string& text) -> std::string {
    const auto value = CsvTime{format}.parse(text);
    return value ? runtime::format_time(value->ns) + (value->wall ? " wall" : "") : "none";
  };
  CHECK(utc("auto", "2026-06-14T12:45:01.250Z") == "2026-06-14T12:45:01.250Z");
  CHECK(utc("auto", "2026-06-14T14:45:01+02:00") == "2026-06-14T12:45:01.000Z");
  CHECK(utc("auto", "2026-06-14 14:45:01") == "2026-06-14T14:45:01.000Z wall");
  CHECK(utc("auto", "2026-06-14 14:45") == "2026-06-14T14:45:00.000Z wall");
  CHECK(utc("auto", "2026-06-14") == "2026-06-14T00:00:00.000Z wall");
  CHECK(utc("auto", "1781441101") == "2026-06-14T12:45:01.000Z");
  CHECK(utc("auto", "1781441101.25") == "2026-06-14T12:45:01.250Z");
  CHECK(utc("auto", "1781441101250") == "2026-06-14T12:45:01.250Z");
  CHECK(utc("auto", "1781441101250000000") == "2026-06-14T12:45:01.250Z");
  CHECK(utc("%d.%m.%Y %H:%M:%S", "14.06.2026 14:45:01") == "2026-06-14T14:45:01.000Z wall");
  CHECK(utc("%d/%m/%y %H:%M", "14/06/26 14:45") == "2026-06-14T14:45:00.000Z wall");
  CHECK(utc("%Y%m%d%H%M%S", "20260614144501") == "2026-06-14T14:45:01.000Z wall");
  CHECK(utc("%Y-%m-%d %H:%M:%S %z", "2026-06-14 14:45:01.5 +0200") == "2026-06-14T12:45:01.500Z");
  CHECK(utc("ms", "1781441101250") == "2026-06-14T12:45:01.250Z");
  for (const char* bad :
       {"", "yesterday", "2026-02-30 12:00:00", "2026-06-14 25:00:00", "99999999999999999999", "12:00", "--"})
    CHECK(utc("auto", bad) == "none");
  CHECK(utc("%d.%m.%Y", "14.06.2026 12:00") == "none");
  CHECK(utc("%d.%m.%Y", "14.06") == "none");
  CHECK(CsvTime::is_format("%d.%m.%Y"));
  CHECK_FALSE(CsvTime::is_format("%Q"));
  CHECK_FALSE(CsvTime::is_format("yes"));
}
