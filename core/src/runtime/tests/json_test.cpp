// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/json.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>

using mesura::runtime::append_json_string;
using mesura::runtime::JsonWriter;

namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string fixed(double value, int decimals) {
  std::string out;
  JsonWriter{out}.fixed(value, decimals);
  return out;
}

}  // namespace

TEST_CASE("objects and arrays get their commas") {
  std::string out = "kept ";
  JsonWriter json{out};
  json.begin_object().key("a").integer(-1).key("b").begin_array().number(0.1).null().boolean(true).begin_object();
  json.end_object().begin_array().end_array().end_array().key("c").string("x").key("d").raw("[1]");
  json.key("e").unsigned_integer(std::numeric_limits<std::uint64_t>::max()).end_object();
  CHECK(out == R"(kept {"a":-1,"b":[0.1,null,true,{},[]],"c":"x","d":[1],"e":18446744073709551615})");
}

TEST_CASE("strings are escaped") {
  CHECK(quoted("plain") == R"("plain")");
  CHECK(quoted("\"\\/\n\r\t\b\x01") == R"("\"\\/\n\r\t\u0008\u0001")");
  CHECK(quoted(std::string_view{"\0\x7F", 2}) == R"("\u0000\u007f")");
  CHECK(quoted("Wärme \u20AC \U0001F525") == "\"Wärme \u20AC \U0001F525\"");
}

TEST_CASE("invalid UTF-8 is replaced part by part") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(quoted("\xFF") == "\"" + r + "\"");
  CHECK(quoted("a\xC3") == "\"a" + r + "\"");                        // cut
  CHECK(quoted("\xE2\x82z") == "\"" + r + "z\"");                    // one part
  CHECK(quoted("\xC0\xAF") == "\"" + r + r + "\"");                  // overlong
  CHECK(quoted("\xED\xA0\x80") == "\"" + r + r + r + "\"");          // surrogate
  CHECK(quoted("\xF4\x90\x80\x80") == "\"" + r + r + r + r + "\"");  // beyond U+10FFFF
  CHECK(quoted("\xF0\x9F\x94\xA5\x94") == "\"\xF0\x9F\x94\xA5" + r + "\"");
}

TEST_CASE("numbers are shortest or fixed, and always JSON") {
  std::string out;
  JsonWriter{out}.begin_array().number(1843.27).number(1e300).number(-0.5).number(NAN).number(INFINITY).end_array();
  CHECK(out == "[1843.27,1e+300,-0.5,null,null]");
  CHECK(fixed(441879, 0) == "441879");
  CHECK(fixed(230.1, 1) == "230.1");
  CHECK(fixed(230, 1) == "230.0");
  CHECK(fixed(-0.04, 1) == "0.0");
  CHECK(fixed(-0.0, 0) == "0");
  CHECK(fixed(-0.06, 1) == "-0.1");
  CHECK(fixed(NAN, 2) == "null");
  CHECK(fixed(-std::numeric_limits<double>::max(), 17).size() == 309 + 2 + 17);
}
