// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter's data path: rows by the clock into frames, frames to the sink, as far as sink, flow control
// and slots allow.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "virtual_frame.hpp"
#include "virtual_meter.hpp"
#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kBurst = 128 * 1024;        // one call to the link carries about so much
constexpr std::size_t kFloodBurst = 1024 * 1024;  // per timer: leaves the loop its turn
constexpr auto kFloodAgain = 50us;
constexpr auto kFloodBlocked = 100us;
constexpr std::int64_t kSerialQuietAbove = 4000;  // Hz; rate lines stay away then

float read_float(const std::uint8_t* from) {
  const std::uint32_t bits = static_cast<std::uint32_t>(from[0]) | static_cast<std::uint32_t>(from[1]) << 8 |
                             static_cast<std::uint32_t>(from[2]) << 16 | static_cast<std::uint32_t>(from[3]) << 24;
  return std::bit_cast<float>(bits);
}

}  // namespace

void VirtualSmartMeter::produce() {
  Run& run = *run_;
  if (!settings_.flood) {
    run.produced = std::max(run.produced, run.rows_at(now_));
  } else if (run.buffered() <= run.chunk_rows()) {
    run.produced = run.taken + std::max(kFloodBurst / run.chunk(), std::size_t{1}) * run.chunk_rows() + 1;
  }
  if (settings_.rows != 0) run.produced = std::min(run.produced, settings_.rows);
}

bool VirtualSmartMeter::overflown() {
  const Run& run = *run_;
  const std::uint64_t most = settings_.buffer / run.row_bytes();
  if (settings_.flood || run.buffered() <= most) return false;
  log(Level::error, fmt::format("Overflow during ringBuffer write, lost {} samples", run.buffered() - most));
  reboot();
  return true;
}

void VirtualSmartMeter::tick() {
  if (!run_) return;
  produce();
  deliver();
  if (!run_ || overflown()) return;
  rate_lines();
  if (!run_) return;
  if (settings_.rows != 0 && run_->produced >= settings_.rows && run_->buffered() <= run_->chunk_rows() && may_send()) {
    finish_run();
    return;
  }
  arm_tick();
}

void VirtualSmartMeter::arm_tick() {
  const Run& run = *run_;
  if (settings_.flood) {
    host().arm(kTick, run.buffered() > run.chunk_rows() ? kFloodBlocked : kFloodAgain);
    return;
  }
  // A frame leaves when more than one chunk is there.
  std::uint64_t rows = std::min(run.next_line, run.taken + settings_.buffer / run.row_bytes() + 1);
  if (settings_.rows != 0) rows = std::min(rows, settings_.rows);
  const bool slotted = run.request.slot && !run.in_slot;
  if (!run.paused && !slotted) rows = std::min(rows, run.taken + run.chunk_rows() + 1);
  std::int64_t due = run.due_ns(rows);
  if (run.request.slot) due = std::min(due, floor_to(device_ns(), kSecond) + kSecond - offset_);
  const std::int64_t step = settings_.tick.count();
  const std::int64_t grid = run.start_ns + floor_to(now_ - run.start_ns, step) + step;
  // Few frames leave when they are due, many together on the grid, which counts from the run's start.
  const bool many = run.due_ns(run.chunk_rows()) - run.start_ns < step;
  if (many || due <= now_) due = std::max(due, grid);
  host().arm(kTick, std::chrono::nanoseconds{due - now_});
}

bool VirtualSmartMeter::open_slot() {
  Run& run = *run_;
  if (!run.request.slot) return true;
  const auto [slot, slots] = *run.request.slot;
  if (slots <= 0 || floor_to(device_ns(), kSecond) / kSecond % slots != slot) {
    close_slot();
    return false;
  }
  if (!run.in_slot) run.slot_rows = 0;
  run.in_slot = true;
  return true;
}

void VirtualSmartMeter::close_slot() {
  Run& run = *run_;
  if (!std::exchange(run.in_slot, false)) return;
  if (!may_send()) {
    log(Level::warning, fmt::format("not finisched {} missing", run.buffered()));
  } else {
    log(Level::info, fmt::format("sent {} samples", run.slot_rows));
  }
}

bool VirtualSmartMeter::may_send() const {
  const Run& run = *run_;
  if (settings_.faults.slow != 0) {
    const double seconds = static_cast<double>(now_ - run.start_ns) / static_cast<double>(kSecond);
    if (static_cast<double>(run.sent_bytes + out_.size()) > seconds * static_cast<double>(settings_.faults.slow))
      return false;
  }
  return std::none_of(clients_.begin(), clients_.end(), [&](const auto& client) {
    return client->link == run.owner_link && client->peer == run.owner && !client->backlog.empty();
  });
}

void VirtualSmartMeter::deliver() {
  if (!open_slot() || run_->paused) return;
  while (run_ && run_->buffered() > run_->chunk_rows() && may_send()) {
    std::size_t rows = run_->chunk_rows();
    if (settings_.faults.shortened.has(run_->frames)) rows = std::max(rows / 2, std::size_t{1});
    if (!send_frame(rows)) break;
  }
  flush_out();
}

bool VirtualSmartMeter::send_frame(std::size_t rows) {
  if (!flush_datagram()) return false;
  Run& run = *run_;
  const std::uint64_t number = run.frames, first = run.taken;
  if (settings_.faults.log.has(number)) {
    flush_out();
    log(Level::info, fmt::format("Before frame {}", number));
  }
  const bool udp = run.request.sink == Sink::udp, mqtt = run.request.sink == Sink::mqtt;
  std::vector<std::uint8_t>& to = udp ? datagram_ : out_;
  const std::size_t at = to.size();
  run.take(to, rows, settings_.faults);
  run.slot_rows += rows;
  if (to.size() > at && (mqtt || run.request.measures->latched)) {
    const std::uint8_t* row = to.data() + at + (run.request.prefix && !mqtt ? kFrameHead : 0);
    const std::uint8_t* end = to.data() + to.size();
    for (std::size_t i = 0; i < rows && row + run.row_bytes() <= end; ++i, row += run.row_bytes()) {
      if (run.request.measures->latched) emit_row(row, first + i);
      if (mqtt) publish_row(row);
    }
  }
  if (mqtt) out_.clear();
  if (udp) {
    if (settings_.faults.late.has(number)) {
      run.held.swap(datagram_);
      datagram_.clear();
    } else if (settings_.faults.duplicate.has(number) && !datagram_.empty()) {
      host().send(kUdp, datagram_, run.destination);
    }
  }
  if (out_.size() >= kBurst) flush_out();
  if (settings_.faults.disconnect != 0 && run.frames >= settings_.faults.disconnect) {
    flush_out();
    const Client* owner = find(run.owner_link, run.owner);
    if (owner != nullptr) drop(owner->id);
    return false;
  }
  return flush_datagram();
}

bool VirtualSmartMeter::flush_datagram() {
  if (datagram_.empty()) return true;
  Run& run = *run_;
  if (!host().send(kUdp, datagram_, run.destination)) return false;
  run.sent_bytes += datagram_.size();
  datagram_.clear();
  if (!run.held.empty()) host().send(kUdp, run.held, run.destination);
  run.held.clear();
  return true;
}

void VirtualSmartMeter::open_udp() {
  if (!udp_open_) host().open(kUdp, udp_spec_);
}

void VirtualSmartMeter::flush_out() {
  if (!run_ || out_.empty()) return;
  run_->sent_bytes += out_.size();
  if (Client* owner = find(run_->owner_link, run_->owner); owner != nullptr) send(*owner, Bytes{out_});
  out_.clear();
}

void VirtualSmartMeter::send_tail() {
  // Slots that never come send nothing at the end either.
  if (run_->request.slot && run_->request.slot->second <= 0) return;
  while (run_ && run_->buffered() > 0)
    if (!send_frame(std::min<std::size_t>(run_->chunk_rows(), run_->buffered()))) break;
  flush_out();
  if (run_ && !run_->held.empty()) host().send(kUdp, run_->held, run_->destination);
}

void VirtualSmartMeter::rate_lines() {
  const std::int64_t rate = run_->request.rate;
  while (run_ && run_->produced >= run_->next_line) {
    if (run_->request.sink != Sink::serial || rate <= kSerialQuietAbove)
      log(Level::info, fmt::format("{}.00Hz, {}s", rate * settings_.compression, run_->next_line));
    run_->next_line += static_cast<std::uint64_t>(rate * settings_.compression);
  }
}

void VirtualSmartMeter::publish_row(const std::uint8_t* row) {
  std::string values = "[";
  for (std::size_t k = 0; k < run_->request.measures->channels.size(); ++k) {
    if (k != 0) values += ',';
    append_float(values, read_float(row + k * sizeof(float)));
  }
  JsonObject out;
  out.text("unit", run_->request.measures->unit).text("ts", unix_form(device_ns())).raw("values", values + "]");
  const std::string message = out.take();
  publish("state/info", message);
  log(Level::info, message);
}

void VirtualSmartMeter::emit_row(const std::uint8_t* row, std::uint64_t number) {
  if (settings_.quirks && run_->request.time) return;  // these rows are not what they should be
  // The start stands in the reply by the meter's own clock.
  const auto rate = static_cast<std::uint64_t>(run_->request.rate);
  const auto second = static_cast<std::uint64_t>(kSecond);
  const std::int64_t time =
      run_->start_ns + offset_ + static_cast<std::int64_t>(number / rate * second + number % rate * second / rate);
  const auto& channels = run_->request.measures->channels;
  for (std::size_t k = 0; k < channels.size(); ++k) {
    constexpr std::array<std::string_view, kLines> names = {"l1", "l2", "l3"};
    const double value = static_cast<double>(read_float(row + k * sizeof(float)));
    const std::string_view line = names[channels[k].line];
    switch (channels[k].value) {
      case Value::rms_v: emit_line(line, "voltage", value, time); break;
      case Value::rms_i: emit_line(line, "current", value / 1000, time); break;
      case Value::p: emit_line(line, "active_power", value, time); break;
      case Value::q: emit_line(line, "reactive_power", value, time); break;
      case Value::wave_v:
      case Value::wave_i: break;
    }
  }
  emit_all();
}

}  // namespace mesura::smartmeter
