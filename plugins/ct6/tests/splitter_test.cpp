// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Objects in a stream of bytes: nothing between them, anything between them, and some of them broken.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "splitter.hpp"
#include "support/catch.hpp"
#include "vectors.hpp"

using namespace mesura::ct6;
using mesura::ct6::test::kAnswer;

namespace {

using Lines = std::vector<std::string>;

class Transcript final : public SplitterSink {
 public:
  void on_object(std::string_view text, std::uint64_t offset) override {
    lines.push_back(std::to_string(offset) + ' ' + std::string{text});
  }
  void on_problem(const Problem& p) override {
    lines.push_back(std::to_string(p.offset) + '+' + std::to_string(p.length) + ' ' + std::string{p.code});
  }
  Lines lines;
};

Lines split_in(std::string_view text, std::size_t piece, std::size_t limit = 65536) {
  Transcript transcript;
  Splitter splitter(limit, transcript);
  for (std::size_t at = 0; at < text.size(); at += piece) splitter.push(text.substr(at, piece), at);
  splitter.finish();
  return transcript.lines;
}

/// What is said of `text`, after a check that it does not depend on the pieces.
Lines split(std::string_view text, std::size_t limit = 65536) {
  Lines whole = split_in(text, text.size() + 1, limit);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 50U}) CHECK(split_in(text, piece, limit) == whole);
  return whole;
}

}  // namespace

TEST_CASE("objects with and without anything between them") {
  const Lines two = {"0 {\"a\":1}", "7 {\"b\":2}"};
  CHECK(split("{\"a\":1}{\"b\":2}") == two);
  CHECK(split("{\"a\":1}\n{\"b\":2}\r\n") == Lines{"0 {\"a\":1}", "8 {\"b\":2}"});
  CHECK(split("") == Lines{});
  CHECK(split(" \r\n\t ") == Lines{});
  CHECK(split("{}") == Lines{"0 {}"});
  CHECK(split(R"({"a":"}{\"","b":[{"c":[]},nan,-inf,1e5,true]})").size() == 1);
}

TEST_CASE("noise is told once for each run") {
  CHECK(split("12:00:01 rx: {\"a\":1} tail\n\x80{\"b\":2}") ==
        Lines{"0+12 noise", "13 {\"a\":1}", "21+6 noise", "27 {\"b\":2}"});
  CHECK(split("null\n{\"a\":1}") == Lines{"0+4 no_sample", "5 {\"a\":1}"});
  CHECK(split("[{\"a\":1}, {\"b\":2}]") ==
        Lines{"0+1 noise", "1 {\"a\":1}", "8+1 noise", "10 {\"b\":2}", "17+1 noise"});
}

TEST_CASE("an object that is cut off costs itself") {
  CHECK(split("{\"a\":1") == Lines{"0+6 truncated"});
  CHECK(split("{\"a\":\"xy") == Lines{"0+8 truncated"});
  CHECK(split("{\"a\":\"xy{\"b\":2}") == Lines{"0+8 truncated", "8 {\"b\":2}"});
  CHECK(split("{\"a\":1,{\"b\":2}") == Lines{"0+7 truncated", "7 {\"b\":2}"});
  CHECK(split("{\"a\"{\"b\":2}") == Lines{"0+4 truncated", "4 {\"b\":2}"});
  CHECK(split("{{\"b\":2}") == Lines{"0+1 truncated", "1 {\"b\":2}"});
  CHECK(split("{\"a\":\n{\"b\":2} {\"c\":3}") == Lines{"0+6 truncated", "6 {\"b\":2}", "14 {\"c\":3}"});
}

TEST_CASE("a broken object costs itself, and its values are not taken for objects") {
  CHECK(split("{\"a\" 1, \"b\": {\"c\":2}}\n{\"d\":4}") == Lines{"0+22 bad_json", "22 {\"d\":4}"});
  CHECK(split("{]}") == Lines{"0+3 bad_json"});
  std::string deep = "{\"a\":";
  deep += std::string(70, '[');
  CHECK(split(deep + "{\"b\":1}") == Lines{"0+75 too_deep", "75 {\"b\":1}"});
}

TEST_CASE("the limit") {
  const std::string fits = "{\"a\":\"" + std::string(92, 'x') + "\"}";
  REQUIRE(fits.size() == 100);
  CHECK(split(fits + "{\"b\":2}", 100).size() == 2);
  const Lines over = split("{\"a\":\"" + std::string(93, 'x') + "\"}{\"b\":2}", 100);
  CHECK(over == Lines{"0+101 too_long", "101 {\"b\":2}"});
}

TEST_CASE("the sheet's answer, cut anywhere, and a whole one behind it") {
  for (std::size_t length = 1; length < kAnswer.size(); ++length) {
    // Behind a colon an object may stand: only a line break shows that it does not belong there.
    const std::string_view cut = kAnswer.substr(0, length);
    const char* between = cut.ends_with(":") || cut.ends_with(": ") ? "\n" : "";
    const bool in_text = cut.ends_with("WEB:");  // a line break in a text is an error of its own
    const Lines lines = split(std::string{kAnswer.substr(0, length)} + between + std::string{kAnswer}, 4096);
    INFO(length);
    for (const auto& l : lines) UNSCOPED_INFO(l);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] ==
          "0+" + std::to_string(length + (between[0] != 0 ? 1 : 0)) + (in_text ? " bad_json" : " truncated"));
    CHECK(lines[1].ends_with(kAnswer));
  }
}

TEST_CASE("random pieces of objects: the same however cut, and in bounded time") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  constexpr std::string_view pieces[] = {
      "{", "}", "[", "]", "\"", ":", ",", "{\"a\":", "\"b\"", "1", " ", "\n", "\\", "{\"a\":[", "x", "{\"a\":1}"};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) text += pieces[random() % std::size(pieces)];
    INFO("seed " << seed << ": " << text);
    const Lines whole = split_in(text, text.size(), 64);
    CHECK(split_in(text, 1, 64) == whole);
    CHECK(split_in(text, 1 + random() % 20, 64) == whole);
  }
  // Each bracket might be a beginning.
  std::string hostile;
  while (hostile.size() < 1'000'000) hostile += "{\"a\":\"{\\\"a\\\":[{\"a\":[";
  CHECK_FALSE(split_in(hostile, hostile.size()).empty());
}
