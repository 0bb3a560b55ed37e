// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes: no crash, the same objects and problems however they are cut, and the same values whether a message is
// read through a known layout or walked. The goldens are the seeds.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "answer_parser.hpp"
#include "splitter.hpp"
#include "text_value.hpp"

namespace {

using namespace mesura::ct6;

constexpr std::size_t kLimit = 4096;

AnswerParser::Settings settings(std::uint8_t choice, bool layouts) {
  AnswerParser::Settings s;
  s.max_message = kLimit;
  s.product_required = (choice & 1U) != 0;
  s.repair = (choice & 2U) != 0;
  s.layouts = layouts;
  return s;
}

void add_problem(std::string& text, const Problem& p) {
  text +=
      std::string{p.code} + ' ' + p.message + ' ' + std::to_string(p.offset) + ' ' + std::to_string(p.length) + '\n';
}

/// What a parser says of one message, as text.
std::string parse(AnswerParser& parser, mesura::Bytes bytes, bool twice) {
  Answer answer;
  Problems problems;
  if (twice) parser.parse(bytes, answer, problems);  // learns it, if it can be learnt
  problems.clear();
  const Outcome outcome = parser.parse(bytes, answer, problems);
  std::string text = std::to_string(static_cast<int>(outcome)) + '\n';
  for (const Problem& p : problems) add_problem(text, p);
  if (outcome != Outcome::answer) return text;
  const auto add = [&](double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    text += std::to_string(bits) + ' ';
  };
  text += std::to_string(answer.time_sent) + ' ' + std::to_string(answer.port_mask);
  for (std::size_t i = 0; i < kUnitNumbers; ++i)
    if ((answer.have >> i & 1U) != 0) add(answer.values[i]);
  for (const auto t : answer.texts) text += '|' + text_of_token(t).value_or("none");
  for (std::size_t n = 0; n < answer.port_count; ++n) {
    const Port& port = answer.ports[n];
    text += '\n' + std::to_string(port.number) + ' ' + std::to_string(port.seen) + ' ';
    for (std::size_t i = 0; i < kPortNumbers; ++i)
      if ((port.have >> i & 1U) != 0) add(port.values[i]);
    for (const auto t : port.texts) text += '|' + decode_percent(text_of_token(t).value_or("none"));
  }
  return text;
}

class Transcript final : public SplitterSink {
 public:
  void on_object(std::string_view object, std::uint64_t offset) override {
    text += std::to_string(offset) + ' ';
    text.append(object) += '\n';
  }
  void on_problem(const Problem& p) override { add_problem(text, p); }
  std::string text;
};

std::string split(std::string_view bytes, std::size_t piece) {
  Transcript transcript;
  Splitter splitter(kLimit, transcript);
  for (std::size_t at = 0; at < bytes.size(); at += piece) splitter.push(bytes.substr(at, piece), at);
  splitter.finish();
  return transcript.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (split(text, 1U + (choice >> 2U)) != split(text, size)) std::abort();
  AnswerParser learning(settings(choice, true)), walking(settings(choice, false));
  if (parse(learning, {data, size}, true) != parse(walking, {data, size}, false)) std::abort();
  return 0;
}
