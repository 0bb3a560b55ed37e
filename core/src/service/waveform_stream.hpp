// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Blocks of waveform on the control socket.
//
// A frame is a letter, the length of what follows (32 bits, little-endian) and so many bytes:
//   R   a run: number (32 bits), start (64), period (double), channels (32), then name and unit of each; a text is its
//       length (32 bits) and its bytes. Before the run's first block.
//   B   a block, as model/batch_codec.hpp has it, of a run by its number
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mesura::service {

/// The service's side.
class WaveformWriter {
 public:
  /// Appends the frames of a batch that is a block.
  void append(std::string& out, const Batch& batch);

 private:
  std::uint32_t runs_ = 0;
  std::uint64_t run_ = 0;  ///< WaveformStream::id of the last one
};

/// The client's side: bytes as they come in, cut anywhere; blocks out.
class WaveformReader {
 public:
  /// Their streams carry this name and numbers of this process.
  explicit WaveformReader(std::string device) : device_(std::move(device)) {}

  /// Throws std::runtime_error for bytes that no WaveformWriter wrote; nothing can be read after that.
  void push(std::string_view bytes, const std::function<void(std::shared_ptr<Batch>)>& on_block);

 private:
  void frame(char kind, std::string_view body, const std::function<void(std::shared_ptr<Batch>)>& on_block);
  void begin_run(std::string_view body);

  std::string device_;
  std::string waiting_;
  std::uint32_t number_ = 0;
  std::shared_ptr<const WaveformStream> stream_;
};

}  // namespace mesura::service
