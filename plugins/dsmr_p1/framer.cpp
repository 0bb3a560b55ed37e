// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "framer.hpp"

#include "text_value.hpp"

#include <algorithm>
#include <cstring>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::uint8_t kMask = 0x7F;
constexpr std::uint8_t kMaskedSlash = 0xAF;  // '/' with an even parity bit: a 7E1 sender read as 8N1
constexpr std::uint8_t kCipherTag = 0xDB;
constexpr std::uint8_t kTitleLength = 8;
constexpr std::size_t kCipherPrefix = 2 + kTitleLength;
constexpr std::size_t kCipherOverhead = 1 + 4 + 12;  // security control, frame counter, tag
constexpr std::size_t kManufacturer = 3;
constexpr std::size_t kMaxCrcDigits = 4;
constexpr std::size_t kReadAhead = 8192;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kTailPatience = 200 * kMillisecond;
constexpr std::int64_t kCipherPatience = 1000 * kMillisecond;
constexpr std::int64_t kBodyPatience = 2000 * kMillisecond;

constexpr bool is_line_end(std::uint8_t b) { return b == '\r' || b == '\n'; }
constexpr bool is_trailer(std::uint8_t b) { return is_line_end(b) || b == 0 || b == ' '; }
constexpr bool is_letter_or_digit(std::uint8_t b) {
  return (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z');
}

}  // namespace

Framer::Framer(std::size_t limit, bool ciphers_in_plain, FrameJudge& judge)
    : limit_(limit), ciphers_in_plain_(ciphers_in_plain), judge_(judge), buffer_(2 * limit + kReadAhead + kSlack) {}

void Framer::reset() {
  base_ += end_;
  end_ = scan_ = start_ = 0;
  state_ = State::idle;
  reported_ = base_;
  noise_length_ = 0;
}

void Framer::push(Bytes bytes, std::uint64_t offset) {
  if (end_ == scan_ && state_ == State::idle && offset != offset_of(end_)) {
    flush_noise();
    end_ = scan_ = 0;
    base_ = reported_ = offset;
  }
  while (!bytes.empty()) {
    make_room();
    const std::size_t n = std::min(bytes.size(), buffer_.size() - kSlack - end_);
    std::memcpy(buffer_.data() + end_, bytes.data(), n);
    end_ += n;
    bytes = bytes.subspan(n);
    run();
  }
}

/// Moves what is still needed to the front. That is never more than the longest candidate, so room is always made.
void Framer::make_room() {
  if (end_ < buffer_.size() / 2) return;
  const std::size_t from = state_ == State::idle ? scan_ : start_;
  std::memmove(buffer_.data(), buffer_.data() + from, end_ - from);
  base_ += from;
  end_ -= from;
  for (std::size_t* position : {&start_, &scan_, &bang_, &depth_at_, &nested_scan_})
    *position -= std::min(*position, from);
}

std::int64_t Framer::patience() const {
  switch (state_) {
    case State::idle: return noise_length_ > 0 ? kBodyPatience : kForever;
    case State::header:
    case State::body: return kBodyPatience;
    case State::tail: return kTailPatience;
    case State::cipher: return kCipherPatience;
  }
  return kForever;
}

void Framer::silence(std::int64_t quiet_ns) {
  while (patience() != kForever && quiet_ns >= patience()) {
    switch (state_) {
      case State::idle: flush_noise(); break;
      case State::header: skip_noise(start_); break;
      case State::body:
        judge_.on_frame_fault(FrameFault::truncated, offset_of(start_), end_ - start_, span(start_, end_));
        reject(end_);
        break;
      case State::tail: step_tail(true); break;
      case State::cipher: give_up_cipher(); break;
    }
    run();
  }
}

void Framer::run() {
  bool more = true;
  while (more) {
    switch (state_) {
      case State::idle: more = step_idle(); break;
      case State::header: more = step_header(); break;
      case State::body: more = step_body(); break;
      case State::tail: more = step_tail(false); break;
      case State::cipher: more = step_cipher(); break;
    }
  }
}

bool Framer::step_idle() {
  for (; scan_ < end_;) {
    const std::uint8_t b = buffer_[scan_];
    if (b == '/' || b == kMaskedSlash) {
      start_ = scan_;
      masked_ = b == kMaskedSlash;
      state_ = State::header;
      return true;
    }
    if (b == kCipherTag) {
      start_ = scan_;
      state_ = State::cipher;
      return true;
    }
    skip_noise(scan_);
  }
  return false;
}

/// The byte at `position` starts nothing.
void Framer::skip_noise(std::size_t position) {
  state_ = State::idle;
  scan_ = position + 1;
  const std::uint64_t offset = offset_of(position);
  if (offset < reported_) return;
  const std::uint8_t b = buffer_[position];
  if (offset == reported_ && is_trailer(at(position)) && noise_length_ == 0) {
    reported_ = offset + 1;  // line ends behind a frame belong to it
    return;
  }
  if (noise_length_ > 0 && noise_offset_ + noise_length_ != offset) flush_noise();
  if (noise_length_ == 0) noise_offset_ = offset;
  if (noise_length_ < noise_head_.size()) noise_head_[noise_length_] = b;
  if (++noise_length_ >= limit_) flush_noise();  // endless noise is reported in pieces
}

void Framer::flush_noise() {
  if (noise_length_ == 0) return;
  const std::size_t shown = std::min<std::size_t>(noise_length_, noise_head_.size());
  const std::uint64_t length = noise_length_;
  noise_length_ = 0;
  reported_ = std::max(reported_, noise_offset_ + length);
  judge_.on_frame_fault(FrameFault::noise, noise_offset_, length, Bytes{noise_head_}.first(shown));
}

bool Framer::step_header() {
  const std::size_t known = std::min(end_, start_ + 1 + kManufacturer);
  for (std::size_t i = start_ + 1; i < known; ++i) {
    if (!is_letter_or_digit(at(i))) {
      skip_noise(start_);
      return true;
    }
  }
  if (known < start_ + 1 + kManufacturer) return false;
  flush_noise();
  start_candidate(known);
  return true;
}

void Framer::start_candidate(std::size_t position) {
  state_ = State::body;
  scan_ = depth_at_ = nested_scan_ = position;
  depth_ = 0;
}

std::uint8_t Framer::at(std::size_t position) const {
  const std::uint8_t b = buffer_[position];
  return masked_ ? static_cast<std::uint8_t>(b & kMask) : b;
}

std::size_t Framer::find(char wanted, std::size_t from, std::size_t to) const {
  if (from >= to) return to;
  if (!masked_) {
    const void* hit = std::memchr(buffer_.data() + from, wanted, to - from);
    return hit == nullptr ? to : static_cast<std::size_t>(static_cast<const std::uint8_t*>(hit) - buffer_.data());
  }
  while (from < to && at(from) != static_cast<std::uint8_t>(wanted)) ++from;
  return from;
}

/// Whether `position` stands at the start of a line or outside of all parentheses. The parentheses are counted only
/// when that is asked: in a well-formed telegram the start of the line answers.
bool Framer::at_top_level(std::size_t position) {
  if (is_line_end(at(position - 1))) return true;
  for (; depth_at_ < position; ++depth_at_) {
    const std::uint8_t b = at(depth_at_);
    if (b == '(') ++depth_;
    if (b == ')' && depth_ > 0) --depth_;
  }
  return depth_ == 0;
}

bool Framer::step_body() {
  const std::size_t last = start_ + limit_;
  const std::size_t before = scan_;
  std::size_t to = std::min(end_, last);
  if (ciphers_in_plain_ && !masked_ && nested_cipher(to)) return true;

  while (scan_ < to) {
    const std::size_t bang = find('!', scan_, to);
    for (std::size_t slash = find('/', scan_, bang); slash < bang; slash = find('/', slash + 1, bang)) {
      if (!at_top_level(slash)) continue;
      judge_.on_frame_fault(FrameFault::truncated, offset_of(start_), slash - start_, span(start_, slash));
      reported_ = offset_of(slash);
      state_ = State::idle;  // whether the new one is masked is decided there
      scan_ = slash;
      return true;
    }
    if (bang == to) break;
    if (at_top_level(bang)) {
      state_ = State::tail;
      bang_ = bang;
      return true;
    }
    scan_ = bang + 1;
  }
  scan_ = std::max(scan_, to);
  if (scan_ < last) return scan_ > before && scan_ < end_;
  judge_.on_frame_fault(FrameFault::overflow, offset_of(start_), limit_, span(start_, last));
  reject(last);
  return true;
}

bool Framer::step_tail(bool no_more) {
  std::size_t digits_end = bang_ + 1;
  const std::size_t to = std::min(end_, bang_ + 1 + kMaxCrcDigits);
  while (digits_end < to && hex_digit(static_cast<char>(at(digits_end))) >= 0) ++digits_end;
  const bool complete = digits_end == bang_ + 1 + kMaxCrcDigits || digits_end < end_;
  if (!complete && !no_more) return false;

  const PlainFrame frame{span(start_, bang_ + 1), span(bang_ + 1, digits_end), masked_, offset_of(start_)};
  if (judge_.judge_plain(frame)) {
    take(digits_end);
  } else {
    reject(digits_end);
  }
  return true;
}

Framer::Shape Framer::cipher_shape(std::size_t position, std::size_t& total) const {
  const auto have = [&](std::size_t n) { return position + n <= end_; };
  const std::uint8_t* p = buffer_.data() + position;
  if (!have(2)) return Shape::unknown;
  if (p[1] != kTitleLength) return Shape::no;
  if (!have(kCipherPrefix + 1)) return Shape::unknown;
  const std::uint8_t* length = p + kCipherPrefix;
  const std::size_t more = length[0] < 0x80 ? 0 : length[0] - 0x80U;
  if (more > 2) return Shape::no;
  if (!have(kCipherPrefix + 1 + more)) return Shape::unknown;
  const std::size_t content = more == 0 ? length[0] : more == 1 ? length[1] : length[1] * 256U + length[2];
  if (content <= kCipherOverhead || content > limit_ + kCipherOverhead) return Shape::no;
  total = kCipherPrefix + 1 + more + content;
  return Shape::yes;
}

bool Framer::step_cipher() {
  std::size_t total = 0;
  switch (cipher_shape(start_, total)) {
    case Shape::no: skip_noise(start_); return true;
    case Shape::unknown: return false;
    case Shape::yes: break;
  }
  if (start_ + total > end_) return false;
  flush_noise();
  if (judge_.judge_cipher({span(start_, start_ + total), offset_of(start_)}, false)) {
    take(start_ + total);
  } else {
    reject(start_ + total);
  }
  return true;
}

void Framer::give_up_cipher() {
  std::size_t total = 0;
  if (cipher_shape(start_, total) != Shape::yes) return skip_noise(start_);
  flush_noise();
  judge_.on_frame_fault(FrameFault::truncated, offset_of(start_), end_ - start_, span(start_, end_));
  reject(end_);
}

bool Framer::nested_cipher(std::size_t& to) {
  for (;;) {
    const std::size_t tag = find(static_cast<char>(kCipherTag), nested_scan_, to);
    nested_scan_ = tag;
    if (tag == to) return false;
    std::size_t total = 0;
    const Shape shape = cipher_shape(tag, total);
    if (shape == Shape::unknown) {
      to = tag;
      return false;
    }
    if (shape == Shape::yes) {
      // Whichever frame is complete first wins: the plain telegram is scanned to where the encrypted one would end.
      const std::size_t cipher_end = tag + total;
      const std::size_t bound = std::min(to, cipher_end);
      if (scan_ < bound || cipher_end > to) {
        to = bound;
        return false;
      }
      if (judge_.judge_cipher({span(tag, cipher_end), offset_of(tag)}, true)) {
        judge_.on_frame_fault(FrameFault::truncated, offset_of(start_), tag - start_, span(start_, tag));
        take(cipher_end);
        return true;
      }
    }
    nested_scan_ = tag + 1;
  }
}

void Framer::take(std::size_t end) {
  state_ = State::idle;
  scan_ = end;
  reported_ = std::max(reported_, offset_of(end));
  if (scan_ == end_) {  // the usual case of one telegram a call: nothing to move later
    base_ += end_;
    end_ = scan_ = 0;
  }
}

void Framer::reject(std::size_t reported_end) {
  reported_ = std::max(reported_, offset_of(reported_end));
  state_ = State::idle;
  scan_ = start_ + 1;
}

}  // namespace mesura::dsmr_p1
