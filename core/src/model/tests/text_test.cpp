// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/text.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace mesura::model {
namespace {

std::string number(double value, int decimals) {
  std::string out = ">";
  append_number(out, value, decimals);
  return out.substr(1);
}

std::string utc(std::int64_t ns) {
  std::string out;
  append_utc(out, ns);
  return out;
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST_CASE("numbers have at most the declared decimals and no superfluous digit") {
  CHECK(number(1843.27, 3) == "1843.27");
  CHECK(number(1843.27, 1) == "1843.3");
  CHECK(number(1843.27, 0) == "1843");
  CHECK(number(230, 3) == "230");
  CHECK(number(230.1, 1) == "230.1");
  CHECK(number(0.05, 2) == "0.05");
  CHECK(number(0.004, 2) == "0");
  CHECK(number(-0.004, 2) == "0");
  CHECK(number(-0.0, 0) == "0");
  CHECK(number(-0.5, 3) == "-0.5");
  CHECK(number(-461.967, 3) == "-461.967");
  CHECK(number(99.995, 2) == "100");
  CHECK(number(0.123456789, 9) == "0.123456789");
  CHECK(number(0.001, 3) == "0.001");
  CHECK(number(441879, 4) == "441879");
  CHECK(number(52185782.5309, 4) == "52185782.5309");
}

TEST_CASE("numbers too large for their decimals still read back equal") {
  CHECK(number(9007199254740991.0, 0) == "9007199254740991");
  CHECK(number(1e300, 3) == "1e+300");
  CHECK(number(-123456789012345.6, 9) == "-123456789012345.6");
  CHECK(number(std::numeric_limits<double>::infinity(), 3) == "inf");
  CHECK(number(std::numeric_limits<double>::quiet_NaN(), 3) == "nan");
  CHECK(number(1.5, -4) == "2");
  CHECK(number(1.5, 99) == "1.5");
}

TEST_CASE("UTC with milliseconds, and more only where there is more") {
  CHECK(utc(1781441101000000000) == "2026-06-14T12:45:01.000Z");
  CHECK(utc(1781441101213000000) == "2026-06-14T12:45:01.213Z");
  CHECK(utc(1781441101213400000) == "2026-06-14T12:45:01.213400Z");
  CHECK(utc(1781441101213400001) == "2026-06-14T12:45:01.213400001Z");
  CHECK(utc(0) == "1970-01-01T00:00:00.000Z");
  CHECK(utc(-1) == "1969-12-31T23:59:59.999999999Z");
  CHECK(utc(-1000000) == "1969-12-31T23:59:59.999Z");
  CHECK(utc(951782399000000000) == "2000-02-28T23:59:59.000Z");
  CHECK(utc(951782400000000000) == "2000-02-29T00:00:00.000Z");
  CHECK(utc(std::numeric_limits<std::int64_t>::min()) == "1677-09-21T00:12:43.145224192Z");
  CHECK(utc(std::numeric_limits<std::int64_t>::max()) == "2262-04-11T23:47:16.854775807Z");
}

TEST_CASE("JSON strings escape what they must and keep the rest") {
  CHECK(json("") == R"("")");
  CHECK(json("l1") == R"("l1")");
  CHECK(json("a\"b\\c") == R"("a\"b\\c")");
  CHECK(json("/KAM5\r\n\t") == R"("/KAM5\r\n\t")");
  CHECK(json(std::string_view{"\0\x02\x1f\x7f", 4}) == "\"\\u0000\\u0002\\u001f\x7f\"");
  CHECK(json("Zähler ⚡ 🔌") == "\"Zähler ⚡ 🔌\"");
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD one by one") {
  CHECK(json("a\xAF"
             "b") ==
        "\"a\xEF\xBF\xBD"
        "b\"");
  CHECK(json("\xC3") == "\"\xEF\xBF\xBD\"");                                  // cut off
  CHECK(json("\xC0\xAF") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                  // overlong '/'
  CHECK(json("\xED\xA0\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // a surrogate
  CHECK(json("\xF4\x90\x80\x80").size() == 2 + 4 * 3);                        // beyond U+10FFFF
  CHECK(json("\xE0\x80\x80").size() == 2 + 3 * 3);                            // overlong
  CHECK(json("\xF0\x9F\x94\x8C") == "\"\xF0\x9F\x94\x8C\"");
  CHECK(json("\xF4\x8F\xBF\xBF") == "\"\xF4\x8F\xBF\xBF\"");
}

}  // namespace
}  // namespace mesura::model
