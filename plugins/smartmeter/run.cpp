// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDriftPeriod = 60;          // s
constexpr std::int64_t kBelievableLead = 2;        // s of rows beyond what has passed since the last frame
constexpr std::uint32_t kDoubtsUntilBelieved = 8;  // frames in a row whose numbers follow each other

}  // namespace

void Run::begin(const Spec& spec, Emitter& emitter, std::int64_t now_ns) {
  if (active_) end(now_ns);
  spec_ = spec;
  emitter_ = &emitter;
  active_ = true;
  const bool latched = !spec.measure->is_wave();
  streams_ = !latched || spec.rate > kMaxLatchedRate;
  derives_ = spec.derive && streams_ && spec.rate >= (latched ? 1 : Derive::kLeastRate);
  opened_ = false;
  expected_ = 0;
  next_row_ = watched_row_ = lost_rows_ = 0;
  factors_ = emitter.calibration().of_row(*spec.measure);
  scales_ = emitter.calibration().is_on();
  longest_rows_ = usual_bytes_ = usual_rows_ = 0;
  last_received_ns_ = now_ns;
  doubts_ = 0;
  carry_.clear();
  minute_row_ = kDriftPeriod * spec.rate;
  lag_known_ = first_lag_known_ = false;
  if (spec.derive && streams_ && !derives_)
    host_.log(
        MESURA_LOG_WARN,
        fmt::format("nothing is derived from the waveform: expected a rate of at least {}, got {}; hint: a mains wave "
                    "can't be told from its aliases below that",
                    Derive::kLeastRate, spec.rate));
  if (derives_) derive_.begin(*spec.measure, spec.rate);
  if (spec.start_ns != MESURA_NO_TIME) open_stream(now_ns, 0);
}

void Run::end(std::int64_t now_ns) {
  if (!active_) return;
  last_received_ns_ = std::max(last_received_ns_, now_ns);
  if (derives_) derive_.finish();
  active_ = false;
}

/// Once for each run. Without a start of its own it began when its first row must have been taken; of a recording,
/// where the calls mean nothing, with the first call.
void Run::open_stream(std::int64_t received_ns, std::size_t rows) {
  opened_ = true;
  if (spec_.start_ns == MESURA_NO_TIME)
    spec_.start_ns = received_ns - (spec_.live ? static_cast<std::int64_t>(rows) * kSecond / spec_.rate : 0);
  if (!streams_) return;
  Stream stream;
  stream.start_ns = spec_.start_ns;
  stream.period_ns = 1e9 / static_cast<double>(spec_.rate);
  stream.names = std::span{spec_.measure->names}.first(spec_.measure->channels);
  stream.units = std::span{spec_.measure->units}.first(spec_.measure->channels);
  stream.device = emitter_->device();
  stream_ = host_.stream(stream);
}

void Run::frame(const FramerSink::Frame& frame, std::int64_t received_ns) {
  if (frame.payload.size() != usual_bytes_) {  // a division saved for nearly all
    usual_bytes_ = frame.payload.size();
    usual_rows_ = usual_bytes_ / spec_.measure->row_bytes();
  }
  const std::size_t rows = usual_rows_;
  std::uint64_t gap_rows = 0;
  if (frame.number != expected_ && !place(frame, rows, received_ns, gap_rows)) return;
  expected_ = frame.number + 1;
  doubts_ = 0;
  longest_rows_ = std::max(longest_rows_, rows);
  host_.frame(spec_.link, frame.whole);
  if (!opened_) open_stream(received_ns, rows);
  hand_on(frame.payload, rows, gap_rows, frame.number, received_ns);
}

/// What a packet number other than the expected one means. False: the frame is dropped.
bool Run::place(const FramerSink::Frame& frame, std::size_t rows, std::int64_t received_ns, std::uint64_t& gap_rows) {
  const auto ahead = static_cast<std::int32_t>(frame.number - expected_);
  if (ahead < 0) {
    host_.fault({MESURA_FAULT_NOTE, "late_packet",
                 fmt::format("expected packet {}, got {}: repeated or late", expected_, frame.number), frame.offset,
                 frame.whole.size(), spec_.link});
    return false;
  }
  const std::size_t chunk = spec_.chunk_rows != 0 ? spec_.chunk_rows : std::max(longest_rows_, rows);
  gap_rows = static_cast<std::uint64_t>(ahead) * chunk;
  if (spec_.doubtful_numbers && !believe(frame, gap_rows, received_ns)) return false;
  host_.fault({MESURA_FAULT_NOTE, "packet_gap",
               fmt::format("expected packet {}, got {}: {} frames, {} rows are missing", expected_, frame.number, ahead,
                           gap_rows),
               frame.offset, frame.whole.size(), spec_.link});
  return true;
}

/// A device can't lose more rows than time has passed for. What claims so is a damaged number, or a datagram that was
/// on its way when the run before ended.
bool Run::believe(const FramerSink::Frame& frame, std::uint64_t gap_rows, std::int64_t received_ns) {
  const std::int64_t passed_ns = std::max<std::int64_t>(received_ns - last_received_ns_, 0);
  const auto possible = static_cast<std::uint64_t>((passed_ns / kSecond + 1 + kBelievableLead) * spec_.rate);
  if (gap_rows <= possible) return true;
  doubts_ = doubts_ != 0 && frame.number == doubted_ ? doubts_ + 1 : 1;
  doubted_ = frame.number + 1;
  if (doubts_ >= kDoubtsUntilBelieved) return true;
  host_.fault({MESURA_FAULT_FRAME, "packet_number",
               fmt::format("expected packet {}, got {}: more than can be missing", expected_, frame.number),
               frame.offset, frame.whole.size(), spec_.link});
  return false;
}

void Run::hand_on(Bytes payload, std::size_t rows, std::uint64_t gap_rows, std::uint64_t packet,
                  std::int64_t received_ns) {
  const std::uint64_t first_row = next_row_ + gap_rows;
  next_row_ = first_row + rows;
  lost_rows_ += gap_rows;
  last_received_ns_ = received_ns;
  if (scales_) {  // here and nowhere else: what follows sees true values
    Calibration::scale(payload, std::span{factors_}.first(spec_.measure->channels), scaled_);
    payload = scaled_;
  }
  if (!streams_) {
    emitter_->rows(payload, *spec_.measure, spec_.rate, spec_.start_ns, first_row, received_ns);
    return;
  }
  if (stream_ != MESURA_NO_STREAM) {
    mesura_waveform block;
    block.struct_size = sizeof block;
    block.stream = stream_;
    block.received_ns = received_ns;
    block.first_row = first_row;
    block.gap_rows = gap_rows;
    block.packet = packet;
    block.samples = payload.data();
    block.rows = static_cast<std::uint32_t>(rows);
    block.reserved = 0;
    host_.waveform(block);
  }
  if (derives_) derive_.rows(payload.data(), rows, first_row);
}

void Run::raw(Bytes bytes, std::int64_t received_ns) {
  const std::size_t row = spec_.measure->row_bytes();
  if (!carry_.empty()) {
    const std::size_t take = std::min(row - carry_.size(), bytes.size());
    carry_.insert(carry_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
    bytes = bytes.subspan(take);
    if (carry_.size() < row) return;
    if (!opened_) open_stream(received_ns, 1);
    hand_on(carry_, 1, 0, 0, received_ns);
    carry_.clear();
  }
  const std::size_t rows = bytes.size() / row;
  if (rows > 0) {
    if (!opened_) open_stream(received_ns, rows);
    host_.frame(spec_.link, bytes.first(rows * row));
    hand_on(bytes.first(rows * row), rows, 0, 0, received_ns);
  }
  bytes = bytes.subspan(rows * row);
  carry_.assign(bytes.begin(), bytes.end());
}

/// Network and buffers only ever add to the lag: the least one of a minute tells how the clocks stand.
void Run::watch_drift(std::int64_t received_ns) {
  if (!active_ || !opened_ || !spec_.live || next_row_ == watched_row_) return;
  watched_row_ = next_row_;
  const std::int64_t lag = received_ns - row_time(spec_.start_ns, next_row_, spec_.rate);
  if (!lag_known_ || lag < least_lag_ns_) least_lag_ns_ = lag;
  lag_known_ = true;
  if (static_cast<std::int64_t>(next_row_) < minute_row_) return;
  if (first_lag_known_) {
    emitter_->add(Place::total, Quantity::clock_drift,
                  static_cast<double>(least_lag_ns_ - first_lag_ns_) / static_cast<double>(kSecond));
    emitter_->emit(MESURA_NO_TIME, received_ns);
  } else {
    first_lag_ns_ = least_lag_ns_;
    first_lag_known_ = true;
  }
  lag_known_ = false;
  minute_row_ = (static_cast<std::int64_t>(next_row_) / (kDriftPeriod * spec_.rate) + 1) * kDriftPeriod * spec_.rate;
}

void Run::on_second(const Second& second) {
  emitter_->second(second, *spec_.measure, spec_.rate, spec_.start_ns, last_received_ns_);
}

}  // namespace mesura::smartmeter
