// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "derive.hpp"
#include "emitter.hpp"
#include "framer.hpp"
#include "measures.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace mesura::smartmeter {

/// One run of sampling, from the answer to `sample` to its end: numbers in, waveform blocks and measurements out.
///
/// Row n belongs to start + n / rate, never to its arrival. A packet number that is ahead means lost frames, each of
/// one chunk; one that is behind means a late or repeated frame, which is dropped and counted.
class Run final : private Derive::Sink {
 public:
  struct Spec {
    const Measure* measure = nullptr;
    std::int64_t rate = 0;
    std::int64_t start_ns = MESURA_NO_TIME;  ///< MESURA_NO_TIME: when the first frame arrives
    std::size_t chunk_rows = 0;              ///< of a full frame; 0: the longest frame so far
    bool derive = true;
    bool doubtful_numbers = false;  ///< no checksum guards them, or strangers may come: they are checked against time
    bool live = true;
    LinkId link = 0;
  };

  explicit Run(Host host) : host_(host), derive_(*this) {}

  void begin(const Spec& spec, Emitter& emitter, std::int64_t now_ns);
  /// What is pending of a second is told.
  void end(std::int64_t now_ns);
  [[nodiscard]] bool active() const { return active_; }
  [[nodiscard]] const Spec& spec() const { return spec_; }
  [[nodiscard]] std::uint64_t rows() const { return next_row_; }  ///< those that were lost counted
  [[nodiscard]] std::uint64_t lost_rows() const { return lost_rows_; }

  /// A payload of whole rows.
  void frame(const FramerSink::Frame& frame, std::int64_t received_ns);
  /// Bytes of the unframed stream, cut anywhere.
  void raw(Bytes bytes, std::int64_t received_ns);
  /// After what one call brought: compares the clocks.
  void watch_drift(std::int64_t received_ns);

 private:
  void on_second(const Second& second) override;
  bool place(const FramerSink::Frame& frame, std::size_t rows, std::int64_t received_ns, std::uint64_t& gap_rows);
  bool believe(const FramerSink::Frame& frame, std::uint64_t gap_rows, std::int64_t received_ns);
  void hand_on(Bytes payload, std::size_t rows, std::uint64_t gap_rows, std::uint64_t packet, std::int64_t received_ns);
  void open_stream(std::int64_t received_ns, std::size_t rows);

  Host host_;
  Derive derive_;
  Emitter* emitter_ = nullptr;
  Spec spec_;
  bool active_ = false;
  bool streams_ = false;  ///< as a waveform; otherwise each row is a measurement
  bool derives_ = false;
  bool opened_ = false;
  StreamId stream_ = MESURA_NO_STREAM;
  std::uint32_t expected_ = 0;  ///< packet
  std::uint64_t next_row_ = 0, lost_rows_ = 0;
  std::size_t longest_rows_ = 0;
  std::size_t usual_bytes_ = 0, usual_rows_ = 0;  ///< of the last payload
  std::int64_t last_received_ns_ = 0;
  std::uint32_t doubted_ = 0;  ///< packet number behind the last one that was not believed
  std::uint32_t doubts_ = 0;   ///< how many in a row
  std::array<float, 6> factors_{};
  bool scales_ = false;
  std::vector<std::uint8_t> scaled_;
  std::vector<std::uint8_t> carry_;  ///< raw: a row that is not whole yet

  std::uint64_t watched_row_ = 0;
  std::int64_t minute_row_ = 0;  ///< drift: rows at which the minute ends
  std::int64_t least_lag_ns_ = 0, first_lag_ns_ = 0;
  bool lag_known_ = false, first_lag_known_ = false;
};

}  // namespace mesura::smartmeter
