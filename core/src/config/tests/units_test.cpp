// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/units.hpp"

#include "config/amount.hpp"

#include "support/catch.hpp"

#include <string>
#include <tuple>
#include <utility>

using namespace mesura::config;
using std::chrono::nanoseconds;

TEST_CASE("durations are read to the nanosecond and printed so that they read back") {
  struct Case {
    const char* text;
    std::int64_t ns;
    const char* printed;
  };
  const auto c = GENERATE(values<Case>({{"10s", 10'000'000'000, "10s"},
                                        {"1h30m", 5'400'000'000'000, "1h30m"},
                                        {"1.5s", 1'500'000'000, "1s500ms"},
                                        {"0s", 0, "0s"},
                                        {"1w", 604'800'000'000'000, "1w"},
                                        {"10d", 864'000'000'000'000, "10d"},
                                        {"90m", 5'400'000'000'000, "1h30m"},
                                        {"250ms", 250'000'000, "250ms"},
                                        {"3us", 3'000, "3us"},
                                        {"7ns", 7, "7ns"},
                                        {"0.000000001s", 1, "1ns"},
                                        {"1.50000000000s", 1'500'000'000, "1s500ms"},
                                        {"1d2h3m4s5ms6us7ns", 93'784'005'006'007, "1d2h3m4s5ms6us7ns"},
                                        {"9223372036854775807ns", 9'223'372'036'854'775'807, nullptr}}));
  INFO(c.text);
  const auto parsed = parse_duration(c.text);
  REQUIRE(parsed);
  CHECK(parsed->count() == c.ns);
  const std::string printed = print_duration(*parsed);
  if (c.printed != nullptr) CHECK(printed == c.printed);
  CHECK(parse_duration(printed)->count() == c.ns);
}

TEST_CASE("what is no duration says why") {
  using Case = std::pair<const char*, UnitError>;
  const auto [text, error] = GENERATE(values<Case>({{"", UnitError::malformed},
                                                    {"20", UnitError::no_unit},
                                                    {"1h30", UnitError::no_unit},
                                                    {"s", UnitError::malformed},
                                                    {"-1s", UnitError::malformed},
                                                    {"+1s", UnitError::malformed},
                                                    {".5s", UnitError::malformed},
                                                    {"1.s", UnitError::malformed},
                                                    {"1.5", UnitError::no_unit},
                                                    {"1.5h30m", UnitError::malformed},
                                                    {"30m1h", UnitError::malformed},
                                                    {"1s1s", UnitError::malformed},
                                                    {"1.5ns", UnitError::malformed},
                                                    {"0.00000000001s", UnitError::malformed},
                                                    {"10 s", UnitError::unknown_unit},
                                                    {"10S", UnitError::unknown_unit},
                                                    {"10sec", UnitError::unknown_unit},
                                                    {"9223372036854775808ns", UnitError::too_large},
                                                    {"99999999w", UnitError::too_large},
                                                    {"9223372036854775807ns1d", UnitError::malformed},
                                                    {"106751d23h59m", UnitError::too_large}}));
  INFO(text);
  const auto parsed = parse_duration(text);
  REQUIRE(parsed.error);
  CHECK(*parsed.error == error);
}

TEST_CASE("sizes: K is 1000, Ki is 1024") {
  struct Case {
    const char* text;
    std::int64_t bytes;
    const char* printed;
  };
  const auto c = GENERATE(values<Case>({{"64MiB", 67'108'864, "64MiB"},
                                        {"10GB", 10'000'000'000, "10GB"},
                                        {"1500B", 1'500, "1500B"},
                                        {"1KB", 1'000, "1KB"},
                                        {"1KiB", 1'024, "1KiB"},
                                        {"1024MiB", 1'073'741'824, "1GiB"},
                                        {"2TiB", 2'199'023'255'552, "2TiB"},
                                        {"3TB", 3'000'000'000'000, "3TB"},
                                        {"0B", 0, "0B"}}));
  INFO(c.text);
  const auto parsed = parse_size(c.text);
  REQUIRE(parsed);
  CHECK(*parsed == c.bytes);
  CHECK(print_size(*parsed) == c.printed);
}

TEST_CASE("what is no size says why") {
  using Case = std::pair<const char*, UnitError>;
  const auto [text, error] = GENERATE(values<Case>({{"", UnitError::malformed},
                                                    {"64", UnitError::no_unit},
                                                    {"MiB", UnitError::malformed},
                                                    {"-1MiB", UnitError::malformed},
                                                    {"64mb", UnitError::unknown_unit},
                                                    {"64M", UnitError::unknown_unit},
                                                    {"1MiB5", UnitError::malformed},
                                                    {"9999999999TiB", UnitError::too_large},
                                                    {"99999999999999999999B", UnitError::too_large}}));
  INFO(text);
  const auto parsed = parse_size(text);
  REQUIRE(parsed.error);
  CHECK(*parsed.error == error);
}

TEST_CASE("amounts carry a base unit, perhaps with a prefix") {
  using Given = std::tuple<const char*, double, const char*>;
  const auto& [text, value, unit] =
      GENERATE(values<Given>({Given{"4000 W", 4000, "W"}, Given{"4kW", 4000, "W"}, Given{"-2.5 MWh", -2.5e6, "Wh"},
                              Given{"65 Cel", 65, "Cel"}, Given{"95%", 95, "%"}, Given{"0.8", 0.8, "1"}}));
  INFO(text);
  const auto amount = parse_amount(text);
  REQUIRE(amount);
  CHECK(amount->value == value);
  CHECK(amount->unit == unit);
}

TEST_CASE("what is no amount") {
  const auto* const text = GENERATE("", "W", "4000 Watt", "4 kA", "4 kCel", "1 1", "nan W", "1e999 W", "4 W W", "4W x");
  INFO(text);
  CHECK_FALSE(parse_amount(text));
}
