// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The model of what flows through Mesura: series, measurements, batches.
#pragma once

#include <mesura/plugin_abi.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura {

enum class Kind : std::uint8_t { gauge = MESURA_GAUGE, reg = MESURA_REGISTER, state = MESURA_STATE };

[[nodiscard]] std::string_view to_string(Kind kind);  ///< "gauge", "register", "state"

/// How energy is kept where the device has no register.
enum class Integration : std::uint8_t {
  none,
  mean,     ///< of a power: each value is the mean since the one before
  samples,  ///< of a power: values are momentary
  session   ///< of an energy: the plugin has integrated it, from 0 with each session
};

/// The names of the quality flags that are set, joined by ',' ("good" for none): "clock_suspect,derived".
[[nodiscard]] std::string quality_to_string(std::uint8_t quality);

/// What is measured: described once, then referred to by `id`. Immutable.
struct SeriesInfo {
  std::uint32_t id = 0;
  std::string device;     ///< the configured name
  std::string fleet;      ///< the fleet that the device belongs to, or empty
  std::string channel;    ///< "total", "l1", "mbus1"
  std::string quantity;   ///< "active_power"
  std::string unit;       ///< base unit: "W", "Wh", "1"
  std::string flat_name;  ///< channel_quantity_suffix: "l1_active_power_w"
  std::string label;      ///< the user's name for the channel, or the device's, or empty
  std::string role;       ///< "grid", "solar", "battery", "load" or empty
  std::string source;     ///< what the wire calls it, or empty
  Kind kind = Kind::gauge;
  bool text = false;  ///< values are texts
  int decimals = 0;   ///< decimals that mean something in the base unit
  Integration integration = Integration::none;
  bool negated = false;  ///< plus here is minus on the wire, by the wire's convention, role and `invert` together

  /// "device/channel/quantity"
  [[nodiscard]] std::string name() const { return device + "/" + channel + "/" + quantity; }
};

/// All series of one collector, and what its devices say of themselves. Reading series is lock-free from any thread;
/// everything else is thread-safe.
class SeriesTable {
 public:
  SeriesTable();
  ~SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  /// Returns the id of an equal series (all members but id equal), or of a new one. At most 2^24 series.
  std::uint32_t add(SeriesInfo info);
  /// `id` must come from add() of this table.
  [[nodiscard]] const SeriesInfo& at(std::uint32_t id) const {
    return chunks_[id / kChunk].load(std::memory_order_acquire)[id % kChunk];
  }
  [[nodiscard]] std::uint32_t size() const { return size_.load(std::memory_order_acquire); }

  /// A fact about a device that is no measurement: "serial", "unit_name". The newest counts.
  void set_attribute(std::string_view device, std::string_view key, std::string_view value);
  /// "" when the device has not said.
  [[nodiscard]] std::string attribute(std::string_view device, std::string_view key) const;
  /// All of them: device and key, value.
  [[nodiscard]] std::map<std::pair<std::string, std::string>, std::string> attributes() const;

 private:
  static constexpr std::uint32_t kChunk = 1024;
  static constexpr std::uint32_t kMaxChunks = 16384;

  mutable std::mutex mutex_;
  std::unordered_multimap<std::string, std::uint32_t> by_name_;
  std::map<std::pair<std::string, std::string>, std::string> attributes_;  // device and key
  std::unique_ptr<std::atomic<SeriesInfo*>[]> chunks_;
  std::atomic<std::uint32_t> size_{0};
};

/// One value of one series at one instant. A text lies in its batch.
struct Measurement {
  std::int64_t time_ns;  ///< UTC, ns since the epoch
  double number;         ///< base unit; unused for texts
  std::uint32_t series;
  std::uint32_t text_offset;
  std::uint16_t text_size;
  std::uint8_t type;     ///< MESURA_NUMBER or MESURA_TEXT
  std::uint8_t quality;  ///< MESURA_GOOD or flags
};

/// A run of waveform samples of one device: how its rows lie and when they were. Immutable, shared by its blocks.
struct WaveformStream {
  std::uint64_t id = 0;  ///< unique in this process
  std::string device;
  std::int64_t start_ns = 0;       ///< UTC, of row 0
  double period_ns = 0;            ///< row n belongs to start_ns + n * period_ns
  std::vector<std::string> names;  ///< of a row's values, in order: "v_l1", "i_l1", ...
  std::vector<std::string> units;  ///< as the device sends them: "V", "mA"

  [[nodiscard]] std::size_t channels() const { return names.size(); }
  [[nodiscard]] std::int64_t time_ns(std::uint64_t row) const {
    return start_ns + static_cast<std::int64_t>(static_cast<double>(row) * period_ns);
  }
};

/// A block of rows of one run.
struct Waveform {
  std::shared_ptr<const WaveformStream> stream;
  std::uint64_t first_row = 0;  ///< since the run's start, lost rows counted
  std::uint64_t rows = 0;
  std::uint64_t gap_rows = 0;  ///< rows lost directly before this block
  std::uint64_t packet = 0;    ///< the source's number of the first frame in it
  std::int64_t received_ns = 0;
  std::vector<float> samples;  ///< rows * channels, interleaved
};

/// All measurements of one telegram of one device, in its order. Immutable once shared.
struct Batch {
  std::string device;
  std::int64_t time_ns = 0;      ///< of the telegram
  std::int64_t received_ns = 0;  ///< when it arrived
  std::vector<Measurement> items;
  std::string texts;  ///< backs the texts of `items`
  /// Set: the batch is a block of waveform and has no items; only sinks that take waveforms get it.
  std::shared_ptr<const Waveform> waveform = {};

  /// What queues count: measurements, or the values of a waveform block.
  [[nodiscard]] std::size_t values() const { return waveform ? waveform->samples.size() : items.size(); }
  [[nodiscard]] std::string_view text(const Measurement& m) const {
    return std::string_view{texts}.substr(m.text_offset, m.text_size);
  }
};

using BatchPtr = std::shared_ptr<const Batch>;

}  // namespace mesura
