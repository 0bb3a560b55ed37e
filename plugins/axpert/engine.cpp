// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mesura::axpert {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kReport = 8;
constexpr int kAttempts = 3;
constexpr std::array<std::chrono::milliseconds, kAttempts> kPauses = {0ms, 250ms, 500ms};
constexpr auto kBeforeProbe = 100ms;
constexpr std::array<std::uint8_t, 1> kBareCr = {'\r'};

bool filler(std::uint8_t b) { return b == 0 || b == '\r' || b == '\n'; }

}  // namespace

std::string_view name(Outcome o) {
  constexpr std::array<std::string_view, 9> kNames = {
      "ok", "ack", "nak", "echo", "crc_error", "short_reply", "unexpected_reply", "timeout", "io"};
  return kNames[static_cast<std::size_t>(o)];
}

void Engine::begin(const Transaction& transaction) {
  transaction_ = transaction;
  request_ = RequestFrame(transaction_.command, transaction_.wire);
  attempt_ = 1;
  doubted_ = false;
  zero_escaped_ = settings_.hid && request_.has_two_forms();
  transmit();
}

Bytes Engine::preview(const Transaction& transaction) {
  preview_ = RequestFrame(transaction.command, transaction.wire);
  return preview_.bytes(settings_.hid && preview_.has_two_forms());
}

void Engine::abort() {
  state_ = State::idle;
  framer_.reset();
  disarm();
}

void Engine::disarm() {
  port_.disarm_engine(EngineTimer::gap);
  port_.disarm_engine(EngineTimer::total);
  port_.disarm_engine(EngineTimer::pace);
}

void Engine::transmit() {
  disarm();
  ++sending_;
  framer_.reset();
  saw_other_ = false;
  sent_ = 0;
  send_next();
}

void Engine::send_next() {
  const Bytes all = request_.bytes(zero_escaped_);
  const Bytes rest = all.subspan(sent_);
  const Bytes now = settings_.hid ? rest.first(std::min(kReport, rest.size())) : rest;
  if (!port_.transmit(now)) return finish(Outcome::io);
  sent_ += now.size();
  if (sent_ < all.size()) {
    state_ = State::sending;
    port_.arm_engine(EngineTimer::pace, settings_.report_delay);
    return;
  }
  state_ = State::waiting;
  port_.arm_engine(EngineTimer::gap, settings_.first);
  port_.arm_engine(EngineTimer::total, settings_.total);
}

void Engine::probe() {
  probe_first_ = false;
  framer_.reset();
  if (!port_.transmit(kBareCr)) return finish(Outcome::io);
  state_ = State::probing;
  port_.arm_engine(EngineTimer::gap, settings_.first);
}

/// The bytes of one report: some stacks put the number of the report, 0, in front.
Bytes Engine::report(Bytes bytes, std::uint64_t& offset) {
  if (bytes.size() == kReport + 1 && bytes[0] == 0) {
    ++offset;
    return bytes.subspan(1);
  }
  if (bytes.size() > kReport + 1)
    port_.on_remark(MESURA_FAULT_NOTE, "oversize_report",
                    fmt::format("expected at most {} bytes in a report, got {}", kReport, bytes.size()), offset,
                    bytes.size());
  return bytes;
}

void Engine::on_bytes(Bytes bytes, std::int64_t received_ns, std::uint64_t offset) {
  if (settings_.hid) bytes = report(bytes, offset);
  Frame frame;
  const std::uint32_t sending = sending_;
  while (sending == sending_ && (state_ == State::waiting || state_ == State::probing)) {
    if (!framer_.next(bytes, offset, frame, transaction_.wire == Wire::sum)) break;
    if (settings_.hid) bytes = {};  // what a report holds behind CR is padding
    if (state_ == State::probing) {
      transmit();
    } else {
      judge(frame, received_ns);
    }
  }
  if (sending == sending_ && state_ == State::waiting && framer_.pending() != 0)
    port_.arm_engine(EngineTimer::gap, settings_.gap);
  // Whatever lies behind a reply was there before the next request left.
  if (!bytes.empty()) stale(bytes, offset);
}

void Engine::stale(Bytes bytes, std::uint64_t offset) {
  const auto first = std::find_if_not(bytes.begin(), bytes.end(), filler);
  if (first == bytes.end()) return;
  offset += static_cast<std::uint64_t>(first - bytes.begin());
  port_.on_remark(MESURA_FAULT_NOTE, "stale_input", "bytes came while nothing was asked; dropped", offset,
                  static_cast<std::uint64_t>(bytes.end() - first));
}

void Engine::remark(mesura_fault_kind kind, std::string_view code, const Frame& frame, std::string_view message) {
  port_.on_remark(kind, code, message, frame.offset, frame.body.size() + 1);
}

void Engine::judge(const Frame& frame, std::int64_t received_ns) {
  if (frame.too_long) {
    remark(MESURA_FAULT_FRAME, "too_long", frame,
           fmt::format("{}: no end within {} bytes", transaction_.command, Framer::kLimit));
    return failed(Outcome::crc);
  }
  const Checked c = check(frame.body, request_.reply_check());
  switch (c.verdict) {
    case Verdict::nak: return refused(frame, received_ns);
    case Verdict::ack:
      if (transaction_.takes_ack) return finish(Outcome::ack, c, frame, received_ns);
      break;
    case Verdict::foreign: return judge_foreign(frame, received_ns);
    case Verdict::crc_error:
      remark(MESURA_FAULT_FRAME, "crc_error", frame,
             fmt::format("{}: expected {:04X}, got {:04X}", transaction_.command, c.expected, c.got));
      return failed(Outcome::crc);
    case Verdict::too_short:
      remark(MESURA_FAULT_FRAME, "short_reply", frame,
             fmt::format("{}: got {} bytes, too few for a reply", transaction_.command, frame.body.size() + 1));
      return failed(Outcome::short_reply);
    case Verdict::not_printable:
      remark(MESURA_FAULT_FRAME, "not_printable", frame,
             fmt::format("{}: the CRC fits, but there are unprintable bytes", transaction_.command));
      return failed(Outcome::crc);
    case Verdict::bad_length:
      remark(MESURA_FAULT_FRAME, "bad_length", frame,
             fmt::format("{}: the frame is not as long as it says", transaction_.command));
      return failed(Outcome::crc);
    case Verdict::reply: break;
  }
  if (c.verdict == Verdict::reply && port_.answers(c)) return finish(Outcome::ok, c, frame, received_ns);
  // Late or doubled: what was asked for comes behind it, or never.
  saw_other_ = true;
  remark(MESURA_FAULT_NOTE, "stale_reply", frame,
         fmt::format("{}: got the reply to another request, '{}'; dropped", transaction_.command,
                     c.payload.substr(0, 24)));
}

void Engine::judge_foreign(const Frame& frame, std::int64_t received_ns) {
  const Bytes asked = request_.bytes(zero_escaped_);
  if (frame.body.size() + 1 == asked.size() && std::equal(frame.body.begin(), frame.body.end(), asked.begin())) {
    remark(MESURA_FAULT_NOTE, "echo", frame,
           fmt::format("{}: the request came back: not supported", transaction_.command));
    return finish(Outcome::echo);
  }
  const std::size_t start = find_start(frame.body);
  remark(MESURA_FAULT_NOISE, "noise", {frame.body.first(start), {}, frame.offset},
         fmt::format("{}: bytes in front of a reply", transaction_.command));
  if (start < frame.body.size())
    judge({frame.body.subspan(start), frame.whole.subspan(start), frame.offset + start, frame.too_long}, received_ns);
}

void Engine::refused(const Frame& frame, std::int64_t received_ns) {
  if (zero_escaped_ && settings_.hid && attempt_ == 1) {
    ++attempt_;
    zero_escaped_ = false;
    return retry(kBeforeProbe);
  }
  remark(MESURA_FAULT_NOTE, "nak", frame, fmt::format("{}: refused", transaction_.command));
  if (!transaction_.answered_before || doubted_) return finish(Outcome::nak, {}, frame, received_ns);
  doubted_ = true;
  probe_first_ = true;
  retry(kBeforeProbe);
}

void Engine::failed(Outcome outcome) {
  if (attempt_ >= kAttempts || !transaction_.may_repeat) return finish(outcome);
  const auto pause = kPauses[static_cast<std::size_t>(attempt_)];
  ++attempt_;
  // A CRC with a zero byte may not have been understood: try it the other way.
  if (request_.has_two_forms() && outcome == Outcome::timeout) zero_escaped_ = !zero_escaped_;
  retry(pause);
}

void Engine::retry(std::chrono::nanoseconds after) {
  disarm();
  framer_.reset();
  ++sending_;
  state_ = State::pausing;
  port_.arm_engine(EngineTimer::pace, after);
}

void Engine::finish(Outcome outcome, const Checked& reply, const Frame& frame, std::int64_t received_ns) {
  disarm();
  ++sending_;
  state_ = State::idle;
  framer_.reset();
  port_.on_done({outcome, reply, frame.whole, received_ns, frame.offset, attempt_});
}

void Engine::on_timer(EngineTimer timer, std::int64_t) {
  if (timer == EngineTimer::pace) {
    if (state_ == State::sending) return send_next();
    if (state_ != State::pausing) return;
    return probe_first_ ? probe() : transmit();
  }
  if (state_ == State::probing) return transmit();
  if (state_ != State::waiting) return;
  const std::size_t got = framer_.pending();
  if (got != 0) {
    port_.on_remark(MESURA_FAULT_FRAME, "short_reply",
                    fmt::format("{}: got {} bytes and no end", transaction_.command, got), framer_.partial_offset(),
                    got);
    return failed(Outcome::short_reply);
  }
  if (saw_other_) return failed(Outcome::unexpected);
  port_.on_remark(MESURA_FAULT_NOTE, "timeout", fmt::format("{}: no reply", transaction_.command), 0, 0);
  failed(Outcome::timeout);
}

}  // namespace mesura::axpert
