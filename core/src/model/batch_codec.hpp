// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A batch as bytes, for what keeps or carries batches outside this process.
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::model {

/// The numbers that stand for series and waveform runs in the bytes: the process's own mean nothing elsewhere.
struct StoredIds {
  std::function<std::uint32_t(std::uint32_t series)> series;
  std::function<std::uint32_t(const WaveformStream& stream)> stream;
};
/// The way back; nothing for a number that nobody knows.
struct LoadedIds {
  std::function<std::optional<std::uint32_t>(std::uint32_t stored)> series;
  std::function<std::shared_ptr<const WaveformStream>(std::uint32_t stored)> stream;
};

/// Appends `batch` to `out`: version, content, CRC-32. Little-endian on every machine.
void encode(const Batch& batch, const StoredIds& ids, std::string& out);

/// The batch in all of `bytes`. Throws std::runtime_error ("batch-damaged: ...", "batch-version: ...") for bytes that
/// are not what encode() wrote; never reads beyond them.
[[nodiscard]] std::shared_ptr<Batch> decode(std::string_view bytes, const LoadedIds& ids);

}  // namespace mesura::model
