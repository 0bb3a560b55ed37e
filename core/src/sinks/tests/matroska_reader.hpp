// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads Matroska with libav, as a user's tools do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace mesura::sinks::test {

struct MatroskaStream {
  std::map<std::string, std::string> tags;
  std::string codec;
  int channels = 0;
  int rate_hz = 0;
  std::vector<float> samples;  ///< interleaved, decoded
  struct Packet {
    std::int64_t ms;    ///< its time in the file
    std::uint64_t row;  ///< of the first of its rows, counted in the file
  };
  std::vector<Packet> packets;

  [[nodiscard]] std::uint64_t rows() const { return samples.size() / static_cast<std::size_t>(channels); }
};

struct MatroskaFile {
  std::map<std::string, std::string> tags;
  double seconds = 0;  ///< as the head says, 0 when it doesn't
  std::vector<MatroskaStream> streams;
};

/// Throws std::runtime_error for what libav can't read.
[[nodiscard]] MatroskaFile read_matroska(const std::filesystem::path& path);

}  // namespace mesura::sinks::test
