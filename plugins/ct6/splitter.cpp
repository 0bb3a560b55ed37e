// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "splitter.hpp"

#include "text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::ct6 {
namespace {

constexpr std::size_t kNoiseShown = 32;
constexpr std::string_view kNoise = "noise";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Where an object may stand at `at` that is no value: not behind a colon on the same line.
bool stands_alone(std::string_view text, std::size_t at) {
  while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t')) --at;
  return at == 0 || text[at - 1] != ':';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

void Splitter::push(std::string_view bytes, std::uint64_t offset) {
  if (pending_.empty()) base_ = offset;
  pending_.append(bytes);
  scan();
  const std::size_t done = open_ ? start_ : at_;
  pending_.erase(0, done);
  base_ += done;
  at_ -= done;
  start_ = 0;
}

void Splitter::finish() {
  while (open_) {
    --at_;
    lose("truncated", "expected the object's last bracket, got the end");
    scan();
  }
  tell_lost();
  reset();
}

void Splitter::reset() {
  pending_.clear();
  at_ = start_ = 0;
  open_ = false;
  retries_ = 0;
  before_ = 0;
  lost_ = {};
}

void Splitter::scan() {
  while (at_ < pending_.size()) {
    if (open_) {
      scan_object();
    } else {
      scan_outside();
    }
  }
}

void Splitter::scan_outside() {
  const bool broken = !lost_.code.empty() && lost_.code != kNoise;
  for (; at_ < pending_.size(); ++at_) {
    const char c = pending_[at_];
    // What follows a colon in the rest of a broken object is a value of it.
    if (c == '{' && !(broken && before_ == ':')) {
      begin_object();
      return;
    }
    lose_outside(c);
    if (c != ' ' && c != '\t') before_ = c;
  }
}

void Splitter::begin_object() {
  tell_lost();
  open_ = true;
  start_ = at_;
  scanner_.begin();
}

void Splitter::lose_outside(char c) {
  if (lost_.code.empty()) {
    if (is_blank(c)) return;
    lost_.code = kNoise;
    lost_.offset = base_ + at_;
    lost_.length = 0;
    lost_.begin.clear();
  }
  lost_.length = base_ + at_ + 1 - lost_.offset;
  if (lost_.begin.size() < kNoiseShown) lost_.begin += c;
}

void Splitter::tell_lost() {
  if (lost_.code.empty()) return;
  const Lost lost = std::exchange(lost_, {});
  if (lost.code != kNoise) {
    sink_.on_problem({Problem::Kind::frame, lost.code, lost.message, lost.offset, lost.length});
    return;
  }
  const std::string_view begin = trimmed(lost.begin);
  const std::uint64_t length = lost.length - (lost.length <= kNoiseShown ? lost.begin.size() - begin.size() : 0);
  if (begin == "null") {
    sink_.on_problem({Problem::Kind::note, "no_sample", "null: no sample was taken", lost.offset, length});
    return;
  }
  sink_.on_problem({Problem::Kind::noise, kNoise,
                    fmt::format("expected a JSON object, got {}", excerpt(begin, kNoiseShown)), lost.offset, length});
}

void Splitter::scan_object() {
  using Result = ObjectScanner::Result;
  for (; at_ < pending_.size(); ++at_) {
    const Result result = scanner_.push(pending_[at_]);
    if (result == Result::more && at_ + 1 - start_ < limit_) continue;
    if (result == Result::complete) {
      ++at_;
      open_ = false;
      retries_ = 0;
      before_ = 0;
      sink_.on_object(std::string_view{pending_}.substr(start_, at_ - start_), base_ + start_);
      return;
    }
    if (result == Result::broken)
      lose("bad_json", fmt::format("expected JSON, got '{}' at byte {} of the object", excerpt({&pending_[at_], 1}, 1),
                                   at_ - start_));
    else if (result == Result::too_deep)
      lose("too_deep", fmt::format("expected at most {} brackets inside each other", ObjectScanner::kMaxDepth));
    else
      lose("too_long", fmt::format("expected an object of at most {} bytes", limit_));
    return;
  }
}

/// In pending_: where the next object begins inside the open one, up to the byte that is looked at; npos: nowhere.
std::size_t Splitter::restart() const {
  for (std::size_t i = start_ + 1; i <= at_ && retries_ < kMaxRetries; ++i)
    if (pending_[i] == '{' && stands_alone(std::string_view{pending_}.substr(start_), i - start_)) return i;
  return std::string::npos;
}

void Splitter::lose(std::string_view code, std::string_view message) {
  const std::size_t next = restart();
  open_ = false;
  if (next != std::string::npos) {
    ++retries_;
    if (code == "bad_json") {
      code = "truncated";
      message = "expected the rest of the object, got another one";
    }
    sink_.on_problem({Problem::Kind::frame, code, std::string{message}, base_ + start_, next - start_});
    at_ = next;
    begin_object();
    return;
  }
  retries_ = 0;
  lost_.code = code;
  lost_.message = message;
  lost_.offset = base_ + start_;
  before_ = pending_[at_];
  ++at_;
  lost_.length = at_ - start_;
}

}  // namespace mesura::ct6
