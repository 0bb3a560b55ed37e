// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "value.hpp"

#include <string>

#include "line.hpp"
#include "obis_table.hpp"
#include "support/catch.hpp"
#include "text_value.hpp"

using namespace mesura::dsmr_p1;

namespace {

double in(std::string_view text, Unit unit) {
  std::string error;
  const auto value = parse_value_in(text, unit, error);
  INFO(text << ": " << error);
  REQUIRE(value);
  CHECK(error.empty());
  return to_double(*value);
}

std::string refusal(std::string_view text, Unit unit) {
  std::string error;
  CHECK_FALSE(parse_value_in(text, unit, error));
  return error;
}

}  // namespace

TEST_CASE("values become exact numbers in base units") {
  CHECK(in("000441.879*kWh", Unit::watt_hour) == 441879.0);
  CHECK(in("01219311.383*Wh", Unit::watt_hour) == 1219311.383);
  CHECK(in("00052185.7825309*kWh", Unit::watt_hour) == 52185782.5309);
  CHECK(in("01.193*kW", Unit::watt) == 1193.0);
  CHECK(in("0000.498*W", Unit::watt) == 0.498);
  CHECK(in("-00.024*kW", Unit::watt) == -24.0);
  CHECK(in("230.1*V", Unit::volt) == 230.1);
  CHECK(in("230100*mV", Unit::volt) == 230.1);
  CHECK(in("001.322kW", Unit::watt) == 1322.0);  // optical heads leave '*' out
  CHECK(in("00.100*KW  ", Unit::watt) == 100.0);
  CHECK(in("00.100", Unit::watt) == 100.0);  // kW is what meters usually mean
  CHECK(in("00000045.600*kVArh", Unit::var_hour) == 45600.0);
  CHECK(in("50.02*HZ", Unit::hertz) == 50.02);
  CHECK(in("1234*dm3", Unit::cubic_metre) == 1.234);
  CHECK(in("12500*MJ", Unit::gigajoule) == 12.5);
  CHECK(in("00012", Unit::none) == 12.0);
}

TEST_CASE("no value is neither zero nor a fault") {
  std::string error;
  CHECK_FALSE(parse_value_in("", Unit::watt, error));
  CHECK_FALSE(parse_value_in("  ", Unit::watt, error));
  CHECK(error.empty());
}

TEST_CASE("what is no value is said") {
  CHECK(refusal("garbage", Unit::watt) == "expected a number, got 'garbage'");
  CHECK(refusal("00.100*kVA", Unit::watt) == "expected a value in W, got '00.100*kVA'");
  CHECK(refusal("00.100*furlong", Unit::watt) == "expected a unit, got 'furlong' in '00.100*furlong'");
  CHECK(refusal("1.2.3*kW", Unit::watt) == "expected a number, got '1.2.3*kW'");
  CHECK(refusal("1.0123456789*kW", Unit::watt) == "expected a number, got '1.0123456789*kW'");  // ten decimals
  CHECK(refusal("1234567890123456789*W", Unit::watt) == "expected a number, got '1234567890123456789*W'");
  CHECK(refusal(".5*kW", Unit::watt) == "expected a number, got '.5*kW'");
}

TEST_CASE("sums of decimals are exact") {
  CHECK(add({1'234'567, 0}, {8'901'234, -1}) == Decimal{21'246'904, -1});
  CHECK(subtract({100, 0}, {250, 0}) == Decimal{-150, 0});
  CHECK_FALSE(add({9'000'000'000'000'000'000, 0}, {9'000'000'000'000'000'000, 0}));
  CHECK_FALSE(add({1, 18}, {1, -9}));
}

TEST_CASE("octet strings are told from plain ones") {
  std::string out;
  CHECK(decode_text("4B3834", out) == false);  // too short
  CHECK(out == "4B3834");
  CHECK(decode_text("4530303236303030", out));
  CHECK(out == "E0026000");
  CHECK_FALSE(decode_text("00000000000000", out));  // not printable: a plain number
  CHECK(out == "00000000000000");
  CHECK_FALSE(decode_text("TARIFF 1", out));
  CHECK(out == "TARIFF 1");
  CHECK(decode_text("45674567", out));  // the rule's known mistake
  CHECK(out == "EgEg");
  CHECK_FALSE(decode_text("a\x02\xE9", out));
  CHECK(out == "a??");
}

TEST_CASE("a message of FF is none") {
  CHECK(is_no_message(""));
  CHECK(is_no_message("FFFFFFFF"));
  CHECK(is_no_message(std::string(64, '\xFF')));
  CHECK_FALSE(is_no_message("hello"));
}

TEST_CASE("OBIS codes are read with every deviation that meters know") {
  const auto code = [](std::string_view text) { return take_obis(text); };
  CHECK(code("1-0:1.8.1(") == ObisCode{1, 0, 1, 8, 1});
  CHECK(code("1-0:72:32.0(") == ObisCode{1, 0, 72, 32, 0});
  CHECK(code("1-0:1.7.0.255(") == ObisCode{1, 0, 1, 7, 0});
  CHECK(code("1-0:1.7.0*255(") == ObisCode{1, 0, 1, 7, 0});
  for (const char* text :
       {"", "1-0", "1-0:1.8", "1:0:1.8.0", "256-0:1.8.0", "1-0:1.8.1234", "a-0:1.8.0", "1-0:1.8.0*("}) {
    INFO(text);
    CHECK_FALSE(code(text));
  }
}

TEST_CASE("logical lines may be several physical ones") {
  const std::string body =
      "0-1:24.3.0(240115140000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00321.987)\r\n"
      "0-0:96.13.0(4142\r\n4344)\r\n"
      "1-0:1.7.0(00.100*kW\r\n"
      "1-0:2.7.0(00.200*kW) \r\n"
      "0-0:96.1.0((ER11))\r\n"
      "0-0:98.1.0\r\n(\r\n1-0:1.8.0(1)\r\n1-0:2.8.0(2)\r\n)\r\n"
      "1-0:9.7.0(0)\r\n";
  LineReader reader;
  Line line;
  std::size_t at = 0;
  REQUIRE(reader.next(body, at, line));
  CHECK(line.group_count == 7);
  CHECK(line.group(6) == "00321.987");
  REQUIRE(reader.next(body, at, line));
  CHECK(line.group(0) == "41424344");
  REQUIRE(reader.next(body, at, line));  // a lost parenthesis costs its own line only
  CHECK(line.problem == Line::Problem::unbalanced);
  REQUIRE(reader.next(body, at, line));
  CHECK(line.problem == Line::Problem::none);
  CHECK(line.group(0) == "00.200*kW");
  REQUIRE(reader.next(body, at, line));
  CHECK(line.nested);
  CHECK(line.whole_value == "(ER11)");
  REQUIRE(reader.next(body, at, line));  // one Hungarian firmware wraps whole lines
  CHECK(line.code == ObisCode{0, 0, 98, 1, 0});
  CHECK(line.nested);
  REQUIRE(reader.next(body, at, line));
  CHECK(line.code == ObisCode{1, 0, 9, 7, 0});
  CHECK_FALSE(reader.next(body, at, line));
}
