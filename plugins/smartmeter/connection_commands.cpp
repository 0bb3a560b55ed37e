// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The command channel as the way of commands, which take turns with what the session asks itself.
#include "connection.hpp"

#include <algorithm>

namespace mesura::smartmeter {

bool Connection::is_free() const {
  const bool settled =
      state_ == State::idle || state_ == State::waiting || state_ == State::opening || state_ == State::running;
  return settled && polling_ < 0 && !awaiting_ && !settings_.raw_on_command;
}

bool Connection::ask(std::string_view line) { return send(line); }

bool Connection::tell(std::uint64_t request, std::string_view line) { return owner_.tell_line(*this, request, line); }

void Connection::set_awaiting(bool awaiting) {
  awaiting_ = awaiting;
  if (!awaiting && (poll_due_ == kNever || resumed_question_ >= 0) && settings_.activity == Activity::poll &&
      state_ == State::idle)
    poll_due_ = now_ns_;
  reckon();
}

void Connection::hold(bool held) {
  held_ = held;
  if (state_ == State::waiting) state_due_ = held ? kNever : now_ns_;
  reckon();
}

void Connection::renamed(std::string_view name) { owner_.renamed(*this, name); }

void Connection::expect_rows(std::int64_t rows) {
  if (!run_.active()) return;
  const Measure& measure = *run_.spec().measure;
  const std::size_t longest = std::max(run_.spec().chunk_rows, static_cast<std::size_t>(rows)) * measure.row_bytes();
  framer_.expect(measure.row_bytes(), longest);
}

/// A run that is scheduled can't be called off: it is stopped when it begins.
void Connection::abandon() {
  send(R"({"cmd":"stop"})");
  abandoned_ = state_ == State::running && run_.rows() == 0 && scheduled_ns_ > now_ns_;
}

void Connection::begin_ordered(const RunOrder& order, const JsonObject&) {
  held_ = false;
  if (!order.ours) return;
  if (settings_.sink == Sink::udp && !data_open_) owner_.open_data(*this);
  ordered_ = true;
  ordered_slots_ = order.slots;
  scheduled_ns_ = order.start_ns;
  begin_run();
}

}  // namespace mesura::smartmeter
