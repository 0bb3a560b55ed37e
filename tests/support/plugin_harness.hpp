// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A host in a test: runs one session of a plugin on a virtual clock and writes down everything that it says.
//
//     mesura::test::PluginHarness harness(*plugin, mesura::test::PluginOptions{}.text("profile", "be"));
//     harness.open();
//     harness.bytes(telegram);
//     harness.advance(2s);                       // fires the timers that fall due
//     CHECK(harness.lines() == golden);
#pragma once

#include <mesura/plugin_abi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::test {

/// The options of a session as the host would hand them over.
class PluginOptions {
 public:
  PluginOptions& text(std::string name, std::string value);
  PluginOptions& flag(std::string name, bool value);
  PluginOptions& integer(std::string name, std::int64_t value);
  PluginOptions& number(std::string name, double value);
  PluginOptions& duration(std::string name, std::chrono::nanoseconds value);
  PluginOptions& size(std::string name, std::int64_t bytes);
  PluginOptions& list(std::string name, std::vector<std::string> values);
  PluginOptions& map(std::string name, std::vector<std::pair<std::string, std::string>> entries);

  /// Views into this object, valid until it is changed.
  [[nodiscard]] const std::vector<mesura_option>& abi() const;

 private:
  struct Option {
    mesura_option value{};
    std::string name, text;
    std::vector<std::pair<std::string, std::string>> texts;
    std::vector<mesura_option_entry> entries;
  };
  Option& add(std::string name, mesura_option_type type);

  mutable std::deque<Option> options_;
  mutable std::vector<mesura_option> abi_;
};

/// Something that the session said.
struct PluginEvent {
  enum class Kind {
    measurement,
    waveform,
    attribute,
    frame,
    fault,
    sent,
    lines,
    opened,
    closed,
    dropped,
    reopened,
    reply,
    failed,
    log
  };

  Kind kind = Kind::measurement;
  std::uint32_t device = 0;
  std::uint32_t link = 0;
  std::string channel, quantity;  ///< measurement
  std::string source, label;      ///< measurement: of its series
  std::int64_t time_ns = 0;       ///< measurement: its own, else the batch's, else the receive time
  std::int64_t received_ns = 0;
  bool is_text = false;
  double value = 0;
  std::uint8_t quality = 0;  ///< mesura_quality flags
  std::string key;           ///< attribute; code of a fault or failure; level of a log line
  std::string text;          ///< text value, attribute's value, message, frame, bytes sent
  std::uint32_t fault_kind = 0;
  std::uint64_t offset = 0, length = 0;  ///< fault; waveform: first row and number of rows
  std::string to;                        ///< sent: peer, topic or request; dropped: the peer
  std::uint32_t stream = 0;              ///< waveform: index into PluginHarness::streams()
  std::uint64_t gap_rows = 0, packet = 0;
  std::vector<float> samples;  ///< waveform: rows * channels
  int rts = -1, dtr = -1;      ///< lines

  /// One JSON object: `{"channel":"l1","quantity":"voltage","time":"2024-07-01T10:15:07Z","value":235.4}`, with
  /// `"text"` in place of `"value"` for texts and `"quality":["derived"]` when not good; `{"attribute":…,"value":…}`;
  /// `{"frame":LENGTH}`;
  /// `{"fault":CODE,"kind":"frame|object|noise|note","offset":…,"length":…}`, without its message; and so on.
  [[nodiscard]] std::string json() const;
};

/// What the session said of a run of waveform blocks.
struct PluginStream {
  std::uint32_t device = 0;
  std::int64_t start_ns = 0;
  double period_ns = 0;
  std::vector<std::string> names, units;
};

class PluginHarness {
 public:
  struct Config {
    std::string device = "device";
    std::string zone;
    bool live = false;
    std::int64_t now_ns = 1'767'225'600'000'000'000;  ///< 2026-01-01T00:00:00Z
    std::uint32_t index = 0;
    bool has_lines = true;  ///< set_lines succeeds
    bool fleet = false;
    /// Kind and address of each link in the schema's order: {{"udp", "127.0.0.2:29340"}, {"", ""}}; none: one "file".
    std::vector<std::pair<std::string, std::string>> links = {};
    bool record = true;  ///< false: only count, for speed
  };
  using Kind = PluginEvent::Kind;

  /// Throws std::runtime_error with the plugin's message when it refuses.
  PluginHarness(const mesura_plugin& plugin, PluginOptions options, Config config);
  explicit PluginHarness(const mesura_plugin& plugin, PluginOptions options = {})
      : PluginHarness(plugin, std::move(options), Config{}) {}
  ~PluginHarness();
  PluginHarness(const PluginHarness&) = delete;
  PluginHarness& operator=(const PluginHarness&) = delete;

  // Each throws std::runtime_error with the session's message when it fails.
  void open(std::uint32_t link = 0);
  /// `final`: nothing more can ever come.
  void close(bool final, std::uint32_t link = 0, std::string_view reason = "end");
  void bytes(std::string_view data, std::uint32_t link = 0);
  void bytes(std::span<const std::uint8_t> data, std::uint32_t link = 0);
  /// With what the host would tell beside them.
  struct From {
    std::string peer = {}, topic = {};
    int status = 0;
  };
  void bytes(std::string_view data, const From& from, std::uint32_t link = 0);
  /// A peer has connected, or is gone.
  void peer(std::string_view name, bool joined, std::uint32_t link = 0);
  /// Cut into pieces of `sizes`, which repeats.
  void bytes_in_pieces(std::string_view data, std::span<const std::size_t> sizes, std::uint32_t link = 0);
  /// Moves the clock and fires, in order and at their times, the timers that fall due.
  void advance(std::chrono::nanoseconds by);
  void command(std::string_view name, const PluginOptions& arguments, bool dry_run = false, std::uint32_t device = 0);

  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }
  /// Keys in the order of their numbers; 0 is the configured name.
  [[nodiscard]] const std::vector<std::string>& devices() const { return devices_; }
  /// What the devices call themselves, in the same order.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] const std::vector<PluginStream>& streams() const { return streams_; }
  [[nodiscard]] bool armed(std::uint32_t timer) const { return timers_.contains(timer); }
  [[nodiscard]] const std::vector<PluginEvent>& events() const { return events_; }
  [[nodiscard]] std::vector<PluginEvent> events(Kind kind) const;
  /// Every event as JSON; those of the kinds in `kinds` only, when there are any.
  [[nodiscard]] std::vector<std::string> lines(std::initializer_list<Kind> kinds = {}) const;
  void clear() { events_.clear(); }

  /// Counted whether or not events are recorded.
  struct Counts {
    std::uint64_t batches = 0, measurements = 0, frames = 0, faults = 0, rows = 0, gap_rows = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct SeriesKey {
    std::uint32_t device;
    std::string channel, quantity, source, label;
  };
  struct Api;

  void deliver(std::span<const std::uint8_t> data, const From& from, std::uint32_t link);
  void check(std::int32_t result, const mesura_error& error) const;

  const mesura_plugin& plugin_;
  PluginOptions options_;
  Config config_;
  std::int64_t now_ns_;
  void* session_ = nullptr;
  std::map<std::uint32_t, std::int64_t> timers_;
  std::map<std::uint32_t, std::uint64_t> offsets_;
  std::vector<SeriesKey> series_;
  std::vector<std::string> devices_, names_;
  std::vector<PluginStream> streams_;
  std::vector<PluginEvent> events_;
  Counts counts_;
};

}  // namespace mesura::test
