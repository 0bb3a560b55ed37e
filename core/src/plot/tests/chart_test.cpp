// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plot/chart.hpp"

#include <support/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mesura;
using namespace mesura::plot;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kT0 = 1'781'438'400 * kSecond;  // 2026-06-14T12:00:00Z

Options options(bool utf8, bool colour = false) {
  Options o;
  o.from_ns = kT0;
  o.to_ns = kT0 + 60 * 60 * kSecond;
  o.width = 50;
  o.height = 13;
  o.utf8 = utf8;
  o.colour = colour;
  o.zone = *model::Zone::find("Europe/Brussels");
  return o;
}

Line line(const char* name, const char* unit, const std::vector<std::pair<int, double>>& points) {
  Line l{name, unit, {}};
  for (const auto& [minute, value] : points)
    l.samples.push_back({kT0 + minute * 60 * kSecond, value, value, value, false, false});
  return l;
}

std::size_t characters(const std::string& row) {
  std::size_t n = 0;
  for (const char c : row) n += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1 : 0;
  return n;
}

std::vector<std::string> rows(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

TEST_CASE("one line in ASCII") {
  const std::string drawn = draw(
      {line("grid/total/active_power", "W", {{0, 0}, {15, 800}, {30, 400}, {45, 400}, {59, 1000}})}, options(false));
  INFO(drawn);
  CHECK(drawn == R"(* grid/total/active_power  min 0.00, max 1000.00 W
1000 +                                          **
     |                                        **
     |           **                         **
     |         **  ****                   **
 500 +       **        ****             **
     |     **              *************
     |   **
     | **
   0 +*
     ++----------+----------+----------+----------
W   14:00      14:15      14:30      14:45
)");
}

TEST_CASE("one line in braille") {
  const std::string drawn = draw(
      {line("grid/total/active_power", "W", {{0, 0}, {15, 800}, {30, 400}, {45, 400}, {59, 1000}})}, options(true));
  INFO(drawn);
  CHECK(drawn == R"(⣿ grid/total/active_power  min 0.00, max 1000.00 W
1000 ┤                                         ⢀⠔⠁
     │           ⡀                           ⢀⠔⠁
     │         ⢀⠎⠈⠑⠤⣀                       ⡔⠁
     │        ⡰⠁     ⠑⠢⣀                  ⡠⠊
 500 ┤      ⢠⠊          ⠑⠢⢄             ⡠⠊
     │    ⢀⠔⠁              ⠉⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠊
     │   ⡠⠊
     │ ⢀⠔⠁
   0 ┤⡠⠃
     └┬──────────┬──────────┬──────────┬──────────
W   14:00      14:15      14:30      14:45
)");
}

TEST_CASE("a state is a staircase that goes on to the end") {
  Line mode = line("inverter/total/mode", "1", {{10, 3}, {40, 5}});
  for (auto& s : mode.samples) s.holds = true;
  const std::string drawn = draw({mode}, options(false));
  INFO(drawn);
  CHECK(drawn == R"(* inverter/total/mode  min 3.00, max 5.00
5 +                               ****************
  |                               *
  |                               *
  |                               *
4 +                               *
  |                               *
  |                               *
  |                               *
3 +       *************************
  ++----------+-----------+-----------+-----------
 14:00      14:15       14:30       14:45
)");
}

TEST_CASE("a gap stays empty") {
  Line l = line("grid/total/active_power", "W", {{0, 100}, {20, 100}, {40, 100}, {59, 100}});
  l.samples[2].after_gap = true;
  const auto drawn = rows(draw({l}, options(false)));
  // The field begins behind the labels and the axis: a third of its 45 or so characters is empty.
  const auto row = std::find_if(drawn.begin(), drawn.end(), [](const auto& r) { return r.find("****") != r.npos; });
  REQUIRE(row != drawn.end());
  CHECK(row->find("*              *") != std::string::npos);
  l.samples[2].after_gap = false;
  const auto whole = rows(draw({l}, options(false)));
  for (const auto& r : whole) CHECK(r.find("*              *") == std::string::npos);
}

TEST_CASE("a peak of one window is seen however narrow the chart") {
  Line l{"grid/total/active_power", "W", {}};
  for (int i = 0; i < 3600; ++i) l.samples.push_back({kT0 + i * kSecond, 100, 100, 100, false, false});
  l.samples[1800].max = 5000;
  Options o = options(false);
  o.width = 30;
  const auto drawn = rows(draw({l}, o));
  CHECK_THAT(drawn.front(), test::contains("max 5.00 kW"));
  CHECK_THAT(drawn[1], !test::contains("*"));  // 6 kW
  CHECK_THAT(drawn[3], test::contains("*"));
}

TEST_CASE("several units have a panel each, on one axis of time") {
  const auto drawn = rows(draw({line("grid/l1/voltage", "V", {{0, 230}, {59, 231}}),
                                line("grid/total/active_power", "W", {{0, 12000}, {59, 11000}}),
                                line("grid/l2/voltage", "V", {{0, 229}, {59, 228}})},
                               options(false)));
  std::vector<std::string> axes;
  for (const auto& row : drawn)
    if (row.find("+---") != std::string::npos) axes.push_back(row);
  REQUIRE(axes.size() == 2);
  CHECK(axes[0] == axes[1]);
  CHECK(drawn[0].substr(0, 17) == "* grid/l1/voltage");
  CHECK(drawn[1].substr(0, 17) == "o grid/l2/voltage");
}

TEST_CASE("no row is wider than the terminal, in either alphabet, down to silly sizes") {
  for (const bool utf8 : {false, true}) {
    for (const std::size_t width : {std::size_t{0}, std::size_t{30}, std::size_t{79}, std::size_t{300}}) {
      Options o = options(utf8);
      o.width = width;
      o.height = width / 3;
      for (const auto& row : rows(draw({line("a/b/c", "W", {{0, -1e9}, {30, 1e9}, {59, 3}})}, o))) {
        if (row.find("a/b/c") != std::string::npos) continue;  // names are not cut
        INFO(row);
        CHECK(characters(row) <= std::max<std::size_t>(width, 30));
      }
    }
  }
}

TEST_CASE("colours come and go in pairs, and only when asked for") {
  const std::vector<Line> two{line("a/b/c", "W", {{0, 1}, {59, 2}}), line("a/b/d", "W", {{0, 2}, {59, 1}})};
  CHECK(draw(two, options(true)).find('\033') == std::string::npos);
  CHECK(draw(two, options(false)).find('\033') == std::string::npos);
  const std::string drawn = draw(two, options(true, true));
  CHECK_THAT(drawn, test::contains("\033[32m") && test::contains("\033[33m"));
  for (const auto& row : rows(drawn)) {
    const auto last = row.rfind("\033[");
    if (last != std::string::npos) CHECK(row.substr(last, 4) == "\033[0m");
  }
}

TEST_CASE("nothing, and what is no number, draw nothing") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(draw({}, options(true)) == "nothing to draw\n");
  CHECK_THAT(draw({line("a/b/c", "W", {})}, options(true)),
             test::contains("a/b/c  no data") && test::contains("nothing in this range"));
  CHECK_THAT(draw({line("a/b/c", "W", {{0, nan}})}, options(true)), test::contains("nothing in this range"));
  // Broken in the middle, as a gap is.
  const auto drawn = draw({line("a/b/c", "W", {{0, 1}, {20, nan}, {40, 1}, {59, 1}})}, options(false));
  CHECK_THAT(drawn, test::contains("*                            *"));
  Options reversed = options(true);
  std::swap(reversed.from_ns, reversed.to_ns);
  CHECK(draw({line("a/b/c", "W", {{0, 1}})}, reversed) == "nothing to draw\n");
}
